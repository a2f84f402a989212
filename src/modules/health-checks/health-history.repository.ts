import { type HealthCheckId } from '../ids/typed-id.js';
import { type HealthResult } from './health-check.js';
import { type LatencyHistogram } from './latency-histogram.js';

export interface HistoryQuery {
  /** Most results, 1 to 1,000. Default 100. */
  limit?: number | undefined;
  /** Only those that were due before; for the next page the `dueAt` of the last result. */
  before?: Date | undefined;
}

/** What a check's results came to in a time. Those in maintenance are in none of the other counts. */
export interface HealthCounts {
  success: number;
  degraded: number;
  failure: number;
  unknown: number;
  maintenance: number;
  /** Durations of all but `unknown`. */
  latency: LatencyHistogram;
}

/** What becomes of results that have been added. */
export interface HistoryWriter {
  /** Takes results to be written soon. Never waits and never throws; what cannot be held is counted. */
  add(results: readonly HealthResult[]): void;
  /** Resolves when all that was added is written or lost. */
  flush(): Promise<void>;
  counts(): { buffered: number; written: number; lost: number };
  /**
   * Writes what is left.
   * @param within milliseconds, default 5,000
   */
  close(within?: number): Promise<void>;
}

/**
 * Results of checks: each for some hours, then what they came to by the minute for two days, and by the hour for five
 * weeks.
 */
export abstract class HealthHistoryRepository {
  /** Before the first result is added, and then once a minute: rolls up, and drops what is old. */
  abstract maintain(signal?: AbortSignal): Promise<void>;

  abstract writer(): HistoryWriter;

  /** Results of all these checks together, the newest first. */
  abstract recent(checkIds: readonly HealthCheckId[], query?: HistoryQuery): Promise<HealthResult[]>;

  /** The newest of each check; of one without any there is no entry. */
  abstract latest(checkIds: readonly HealthCheckId[]): Promise<Map<HealthCheckId, HealthResult>>;

  /** Of the results that were due within this many milliseconds before now. */
  abstract counts(checkId: HealthCheckId, within: number): Promise<HealthCounts>;
}

export function emptyCounts(): HealthCounts {
  return { success: 0, degraded: 0, failure: 0, unknown: 0, maintenance: 0, latency: new Map() };
}

/** The part of the results that passed, 0 to 1; undefined where none could tell. */
export function uptimeOf({ success, degraded, failure }: HealthCounts): number | undefined {
  const told = success + degraded + failure;
  return told === 0 ? undefined : (success + degraded) / told;
}
