import { type RunProgress } from './run-context.js';

/**
 * What a worker is doing. `stuck`: a run has passed its timeout and has not ended. `ended`: its `until` has passed, its `limit`
 * is reached, or its only instant is over; it can still be triggered.
 */
export type WorkerState = 'idle' | 'executing' | 'paused' | 'stuck' | 'stopped' | 'ended';

/**
 * What is wrong with a worker. `stale`: no run completed for 3 intervals plus the timeout. `failing`: 3 runs in
 * a row failed. `stuck`: see `WorkerState`.
 */
export type WorkerCondition = 'stale' | 'failing' | 'stuck';

/** Who last paused, resumed or rescheduled a worker. */
export interface LastChange {
  change: 'paused' | 'resumed' | 'rescheduled';
  at: Date;
  /** Absent when nobody said who. */
  actor?: string;
}

/**
 * What is known of a worker. All counts begin at 0 with the process; those of a cluster with the worker's first enrolment,
 * and go on over restarts. A single process tells the slots that passed before its start as `run.missed`, and counts none.
 */
export interface WorkerInfo {
  name: string;
  description?: string;
  group?: string;
  /** Milliseconds; 0 for event-driven and for cron. */
  interval: number;
  /** Its cron expression; absent for an interval. */
  cron?: string;
  /** Its loop is active: it ticks, or waits for triggers. */
  running: boolean;
  /** Start of the last run. Absent before the first. */
  lastRun?: Date;
  /** Message of the last run's error; absent when it succeeded. */
  lastError?: string;
  /** Runs that have ended, however they ended. */
  runCount: number;
  state: WorkerState;
  activeRuns: number;
  /** Last instant that may be a slot. */
  until?: Date;
  /** Runs of its schedule that may still begin; absent without a `limit`. */
  remainingRuns?: number;
  /** Absent when none is planned: it is stopped, paused, ended, event-driven, or waits for a run to end. */
  nextRun?: Date;
  /** End of the last run that succeeded. */
  lastSuccess?: Date;
  lastDurationMs?: number;
  consecutiveFailures: number;
  /** Runs that were due and did not take place: another one was active, a newer one took its place, or it backed off. */
  skippedCount: number;
  /** Slots that passed while nobody looked: a blocked event loop, a suspended machine; of a cluster, while all were down. */
  missedCount: number;
  /** With coordination: slots whose run did not come to its end, and whose place a newer one took. */
  supersededCount?: number;
  /** With coordination: runs whose replica fell silent. */
  lostCount?: number;
  /** Of the active run now. */
  progress?: RunProgress;
  /** Replica that runs it now. */
  holder?: string;
  /** Absent when nothing was changed: since the process started, or with coordination ever. */
  lastChange?: LastChange;
  critical: boolean;
  /** Empty when all is well. */
  conditions: WorkerCondition[];
}
