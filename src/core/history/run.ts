import { type RunError } from '../text/describe-error.js';
import { type RunProgress, type RunTrigger } from '../worker/run-context.js';
import { type ShardCounts } from '../worker/fan-out.js';
import { type RunLog } from './run-log.js';

/**
 * How a run ended, or `running`. `timed_out`, `aborted` (by shutdown) and `cancelled` (by `Scheduler.cancel`): its
 * signal had aborted before it ended, whatever it then returned. `lost`: its replica stopped answering in mid-run.
 */
export type RunOutcome = 'running' | 'succeeded' | 'failed' | 'timed_out' | 'aborted' | 'cancelled' | 'lost';

/** The record of one run. */
export interface Run {
  /** UUID. */
  id: string;
  worker: string;
  /** Id of the replica that ran it. */
  replica: string;
  trigger: RunTrigger;
  /** Who triggered it; absent when unknown. At most 200 characters. */
  actor?: string;
  /** Release of the application that ran it; absent when unknown. */
  release?: string;
  /** The slot that it was for; absent when it was triggered. */
  slot?: Date;
  /** Key of the stored schedule that it was for, whose handler is `worker`; absent for the run of a worker. */
  key?: string;
  /** Fencing token of that schedule's claim. */
  fencingToken?: number;
  attempt: number;
  scheduledAt: Date;
  startedAt: Date;
  endedAt?: Date;
  outcome: RunOutcome;
  error?: RunError;
  progress?: RunProgress;
  /** Counts of its shards, over all calls of `context.fanOut`; absent when it made none. */
  shards?: ShardCounts;
  /**
   * Milliseconds for which it blocked the event loop: measured before its first `await`; later only when it was the
   * only active run.
   */
  blockedMs?: number;
  /** What it reported by `context.metric`: by name, the last value. At most 50. */
  metrics?: Record<string, number>;
  /** Its payload (`context.payload`), if it had one. A store only returns it on request (`RunQuery.withLog`). */
  payload?: unknown;
  /** It had a payload that is not kept: its JSON has more than 256 KiB, or the store refuses it. */
  payloadOmitted?: true;
  /** What it logged by `context.logger`. A store only returns it on request (`RunQuery.withLog`). */
  log?: RunLog;
}

/** The record of a run that has ended. */
export type EndedRun = Run & { endedAt: Date };

/**
 * Milliseconds from when it was due to its start: due to a busy process, an earlier run, or a limit of concurrent
 * runs.
 */
export function latenessOf({ startedAt, scheduledAt }: Pick<Run, 'startedAt' | 'scheduledAt'>): number {
  return startedAt.getTime() - scheduledAt.getTime();
}

/** The run as lists show it: its log may have 16 KiB, its payload 256. */
export function withoutLog<T extends Run>({
  log: _log,
  payload: _payload,
  ...run
}: T): Omit<T, 'log' | 'payload'> {
  return run;
}

/** In the order of the runs. */
export function byId(runs: Run[]): Map<string, Run> {
  return new Map(runs.map((run) => [run.id, run]));
}
