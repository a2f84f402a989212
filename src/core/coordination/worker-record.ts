import { type EndedRun } from '../history/run.js';
import { type RunProgress } from '../worker/run-context.js';
import { type LastChange } from '../worker/worker-info.js';

/**
 * What the cluster knows of a worker: one row, on which all replicas agree. Instants are milliseconds since the epoch
 * by the coordinator's clock.
 *
 * **Slot.** `slot` is the last one that was run, skipped or missed, `-Infinity` before the first. It is `done` when a
 * run for it ended by itself. `owed` is the number of its next attempt while a run for it is still to be made.
 *
 * **Lease.** `holder` has the right to run until `leaseUntil`. Every grant takes the next `fencing` token, and none
 * is ever given twice.
 */
export interface WorkerRecord {
  readonly name: string;
  readonly slot: number;
  readonly done: boolean;
  readonly owed: number | undefined;
  readonly fencing: number;
  /** Run that has the lease, or had it last. */
  readonly runId: string | undefined;
  readonly attempt: number;
  /** The request that this run serves; undefined when it is for the slot. */
  readonly requestId: string | undefined;
  /**
   * Id of the replica that has the lease; undefined when it was given back. Under overlap policy `allow`, of the one
   * that was granted the last run.
   */
  readonly holder: string | undefined;
  readonly leaseUntil: number | undefined;
  readonly cancelRequested: boolean;
  /** No run for a slot before this instant: backoff, or spacing `delay`. */
  readonly notBefore: number | undefined;
  readonly paused: boolean;
  /** Grows with each change that other replicas have to be told: pauses, schedules, a run that is owed later. */
  readonly revision: number;
  /** The schedule that holds, as `StoredTiming` writes it. */
  readonly timing: string;
  /** The schedule of the code that was enrolled last; `timing` differs when it was rescheduled since. */
  readonly definition: string;
  readonly definitionAt: number;
  /** Number of slots whose run began. Further attempts do not count. */
  readonly begun: number;
  readonly lastChange: RecordedChange | undefined;
  readonly status: WorkerStatus;
}

/** `at`: milliseconds since the epoch. */
export type RecordedChange = Omit<LastChange, 'at'> & { readonly at: number };

/**
 * Counts and last results of a worker's runs on all replicas since it was first enrolled. Instants and durations are
 * in milliseconds.
 */
export interface WorkerStatus {
  /** Start of the last run. */
  readonly lastRun: number | undefined;
  /** When a run last ended by itself, and how. */
  readonly lastEnd: number | undefined;
  readonly lastSuccess: number | undefined;
  readonly lastError: string | undefined;
  readonly lastDurationMs: number | undefined;
  /** Of the active run, as of its last heartbeat. */
  readonly progress: RunProgress | undefined;
  /** Runs that ended by themselves. */
  readonly runCount: number;
  readonly consecutiveFailures: number;
  /** Slots that passed while a run was active, or while the worker backed off. */
  readonly skippedCount: number;
  /** Slots that passed while no replica claimed. */
  readonly missedCount: number;
  /** Slots whose run did not come to its end before a newer slot took their place. */
  readonly supersededCount: number;
  /** Runs whose lease expired, as their replica did not renew it. */
  readonly lostCount: number;
}

/**
 * A run whose lease expired, as its replica did not renew it. The replica that takes its place gets this, and writes
 * it into the history.
 */
export interface LostRun {
  readonly runId: string;
  readonly replica: string;
  readonly attempt: number;
  /** Undefined when it served a request. */
  readonly slot: number | undefined;
  readonly startedAt: number;
  /** Undefined when it was for a slot, or when the request is no longer kept. */
  readonly request?: Pick<RequestedRun, 'trigger' | 'payload' | 'actor'>;
}

/** A run that was requested, not claimed for a slot. Instants are milliseconds since the epoch. */
export interface RequestedRun {
  readonly id: string;
  readonly worker: string;
  readonly trigger: 'manual' | 'event' | 'schedule';
  readonly payload: unknown;
  /** Who requested it; absent when unknown. */
  readonly actor?: string;
  readonly requestedAt: number;
  /** Number of runs that were begun for it. */
  readonly attempts: number;
  /**
   * No run before this instant: a run has failed, and this request is retried, or is newer and waits in the retry's
   * place.
   */
  readonly notBefore?: number;
}

/** The outcome of a request. `dropped`: it is not run, or no replica can be running it any more. */
export type RequestOutcome = { readonly run: EndedRun } | { readonly dropped: true };
