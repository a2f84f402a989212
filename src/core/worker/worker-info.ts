import { type RunProgress } from './run-context.js';

/**
 * What a worker is doing. `stuck`: a run has passed its timeout and has not ended. `ended`: its `until` has passed, its `limit`
 * is reached, or its only instant is over; it can still be triggered.
 */
export type WorkerState = 'idle' | 'executing' | 'paused' | 'stuck' | 'stopped' | 'ended';

/**
 * A problem of a worker. `stale`: no run has ended for 3 intervals plus the timeout. `failing`: 3 runs in a row did not
 * succeed. `stuck`: see `WorkerState`.
 */
export type WorkerCondition = 'stale' | 'failing' | 'stuck';

/** The last pause, resume or reschedule of a worker. */
export interface LastChange {
  change: 'paused' | 'resumed' | 'rescheduled';
  at: Date;
  /** Absent when unknown. */
  actor?: string;
}

/**
 * Status of a worker. Counts begin at 0 when the process starts; with coordination at the worker's first enrolment, and
 * continue over restarts. A single process reports slots before its start as `run.missed`, and does not count them.
 */
export interface WorkerInfo {
  name: string;
  description?: string;
  group?: string;
  /** Milliseconds; 0 for event-driven and for cron. */
  interval: number;
  /** Its cron expression; absent for an interval. */
  cron?: string;
  /** Whether it is started: it waits for slots, events or triggers. */
  running: boolean;
  /** Start of the last run. Absent before the first. */
  lastRun?: Date;
  /** Message of the last run's error; absent when it succeeded. */
  lastError?: string;
  /** Number of runs that have ended; with coordination without those that were aborted and are owed. */
  runCount: number;
  state: WorkerState;
  activeRuns: number;
  /** The last instant that may be a slot. */
  until?: Date;
  /** Runs of its schedule that may still begin; absent without a `limit`. */
  remainingRuns?: number;
  /**
   * When the next run is due. Absent when none is planned: it is stopped, paused, ended, event-driven, or waits for a run
   * to end.
   */
  nextRun?: Date;
  /** End of the last run that succeeded. */
  lastSuccess?: Date;
  lastDurationMs?: number;
  consecutiveFailures: number;
  /**
   * Runs that were due and did not take place: another run was active, a newer one took their place, the worker backed
   * off, or they were too late.
   */
  skippedCount: number;
  /**
   * Slots that passed while the event loop was blocked or the machine suspended; with coordination, while all replicas
   * were down.
   */
  missedCount: number;
  /** With coordination: slots whose run did not come to its end before a newer slot took their place. */
  supersededCount?: number;
  /** With coordination: runs whose replica stopped answering. */
  lostCount?: number;
  /** Progress of the active run. */
  progress?: RunProgress;
  /** Id of the replica that runs it now. */
  holder?: string;
  /** Absent when there was no change since the process started, with coordination since the first enrolment. */
  lastChange?: LastChange;
  critical: boolean;
  /** Empty when there is no problem. */
  conditions: WorkerCondition[];
}
