import { type WorkerCondition, type WorkerState } from '../worker/worker-info.js';
import { type Timing } from '../registry/timing.js';

/** Intervals, or slots of cron, without a completed run after which a worker is stale. */
const STALE_AFTER = 3;
/** Failures in a row after which it is failing. */
export const FAILING_AFTER = 3;

/** What a loop knows of its worker, in one process or in a cluster: what its status follows from. */
export interface Observed {
  readonly timing: Timing;
  /** Milliseconds; undefined for no limit. */
  readonly timeout: number | undefined;
  /** Its loop is active. */
  readonly running: boolean;
  readonly paused: boolean;
  /** No schedule and no event makes it run any more. */
  readonly ended: boolean;
  /** Runs that are active, on whichever replica. */
  readonly activeRuns: number;
  /** An active run of this replica has passed its timeout. */
  readonly overdue: boolean;
  readonly consecutiveFailures: number;
  /** The last end of a run, or when the loop began to look. Milliseconds since the epoch, as is `now`. */
  readonly since: number;
  readonly now: number;
}

/** The first that holds: stuck, executing, stopped, ended, paused, idle. */
export function stateOf({ overdue, activeRuns, running, paused, ended }: Observed): WorkerState {
  if (overdue) return 'stuck';
  if (activeRuns > 0) return 'executing';
  if (!running) return 'stopped';
  if (ended) return 'ended';
  return paused ? 'paused' : 'idle';
}

export function conditionsOf(observed: Observed): WorkerCondition[] {
  const conditions: WorkerCondition[] = [];
  if (isStale(observed)) conditions.push('stale');
  if (observed.consecutiveFailures >= FAILING_AFTER) conditions.push('failing');
  if (observed.overdue) conditions.push('stuck');
  return conditions;
}

/** Whether too much time has passed without the end of a run, for a worker of that schedule and timeout. */
export function isStale({
  timing,
  timeout = 0,
  running,
  paused,
  ended,
  since,
  now,
}: Omit<Observed, 'activeRuns' | 'overdue' | 'consecutiveFailures'>): boolean {
  if (!running || paused || ended) return false;
  const until = now - timeout;
  const { interval, schedule } = timing;
  if (interval > 0) return until - since > STALE_AFTER * interval;
  return schedule !== undefined && schedule.count(since, until) > STALE_AFTER;
}
