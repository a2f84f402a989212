import { type EndedRun } from '../history/run.js';
import { type IncidentStore } from '../history/incident.store.js';
import { type RunStore } from '../history/run.store.js';
import { type OverlapPolicy } from '../worker/worker-options.js';
import { type Cancellation } from '../worker/cancellation.js';
import { type RunProgress, type RunTrigger, type TransactionRunner } from '../worker/run-context.js';
import { type LostRun, type RequestedRun, type RequestOutcome, type WorkerRecord } from './worker-record.js';

/**
 * Who may run, when several replicas could. The rule is one compare-and-set on the worker's record: `claim` names the
 * slot and the token that the replica believes to be the last, and is granted only if they are, the new slot is due by
 * the coordinator's clock, the worker is not paused, and no live lease stands. See `docs/cluster.md`.
 *
 * Every call may be repeated, arrive late or twice. Calls reject with `StoreRefusedError` when the coordinator answers and
 * does not do it, and with any other error when it cannot be reached, within a time of its own; whether the call took
 * effect is not known then. Every implementation passes `coordinatorContract`.
 */
export abstract class Coordinator {
  /** What it is, for the log: "PostgreSQL, schema "workers"". Default: the name of its class. No secrets. */
  readonly description?: string;

  /** Where it keeps the history of runs, for an application that names no other place. */
  runStore?(): RunStore;

  /** Where incidents of the cluster are kept, usable while the coordination is open. Default: none. */
  incidentStore?(): IncidentStore;

  /** Makes it ready. Rejecting fails the application's start. */
  abstract open(): Promise<void>;

  /**
   * Makes workers known. A new one gets a record; one whose definition changed gets the schedule of the code. The
   * newest code rules: replicas follow what `timing` of the record says.
   * @returns the record of each, and those that can never be made known; one that is in neither is to be sent again
   */
  abstract enroll(
    workers: readonly Enrolment[],
  ): Promise<Timed<{ records: readonly WorkerRecord[]; refused?: readonly RefusedEnrolment[] }>>;

  abstract claim(claim: Claim): Promise<ClaimAnswer>;

  /** Renews a lease and hears whether the run is to end. */
  abstract heartbeat(heartbeat: Heartbeat): Promise<HeartbeatAnswer>;

  /** Gives a lease back, with what became of the run. */
  abstract release(release: Release): Promise<ReleaseAnswer>;

  /** Asks for a run beside the schedule, which any replica may make. */
  abstract request(request: RunRequestInput): Promise<RequestAnswer>;

  /** Asks the run that has this token to end: overlap policy `cancelRunning`. */
  abstract cancel(worker: string, fencing: number): Promise<void>;

  /**
   * Drops a request that waits, or a retry that waits, by the id of the run that failed; or lets the replica that runs it
   * hear of it with its next pulse. It may also be a run that the coordinator does not know: of a worker of the scope
   * `replica`, or without a lease.
   */
  abstract cancelRun(runId: string, by: Cancellation): Promise<Timed<CancelAnswer>>;

  /**
   * Pauses, resumes, reschedules.
   * @returns the record, or undefined if there is none of that name
   */
  abstract control(worker: string, change: Control): Promise<Timed<{ record: WorkerRecord | undefined }>>;

  /**
   * Says that a replica claims slots, and answers which ones do. Only the order in which they claim depends on it.
   * @param replica undefined: it only hears
   * @param absentAfter one counts as gone when it has said nothing for this many milliseconds
   */
  abstract announce(replica: string | undefined, absentAfter: number): Promise<Members>;

  /** What a replica has to hear of without having asked. */
  abstract pulse(known: Known): Promise<Pulse>;

  /** Every record, by name. */
  abstract records(): Promise<Timed<{ records: readonly WorkerRecord[] }>>;

  /**
   * Resolves if the run still has the worker's newest token, and sees to it that no other is granted before the
   * transaction of `manager` has ended.
   * @throws StaleRunError
   */
  abstract assertCurrent(run: HeldLease, manager: TransactionRunner): Promise<void>;

  /** Forgets requests that ended more than this many milliseconds ago, but for those that must never come again. */
  abstract prune(age: number): Promise<void>;

  /** Lets go of what `open` took. */
  abstract close(): Promise<void>;
}

/** An answer, and what time it was at the coordinator when it was given: milliseconds since the epoch. */
export type Timed<T> = T & { readonly time: number };

export interface Enrolment {
  readonly name: string;
  /** The schedule of the code. */
  readonly timing: string;
  /** Where the slots of a new record, or of a new definition, begin: those up to here count for nothing. */
  readonly slot: number;
  /** Spacing `delay`: the first run comes this many milliseconds from now. */
  readonly delay?: number;
}

/** A worker that the coordinator can never keep, such as for characters of its name, and why. */
export interface RefusedEnrolment {
  readonly name: string;
  readonly error: unknown;
}

/** What a run holds: enough to prove that it is the one. */
export interface HeldLease {
  readonly worker: string;
  readonly runId: string;
  readonly fencing: number;
}

export interface Claim {
  readonly worker: string;
  /** Made by the caller, so that a claim whose answer was lost can be repeated. */
  readonly runId: string;
  readonly replica: string;
  /** Last token and slot, as the replica believes. */
  readonly fencing: number;
  readonly from: number;
  /** The slot to run, `from` again if it is owed; a request's id instead of a slot. */
  readonly target: { readonly slot: number } | { readonly request: string };
  /** Slots between `from` and the new one, by what became of them. */
  readonly missed: number;
  readonly skipped: number;
  /** Length of the lease in milliseconds; undefined for overlap policy `allow`, which takes none. */
  readonly lease: number | undefined;
  /** How often a slot is tried whose runs do not come to their end. */
  readonly maxAttempts: number;
  /** The stored slot is further ahead of the coordinator's clock than this: the clock jumped back. Milliseconds. */
  readonly resetAhead?: number;
  /** Whether a slot that is granted counts as begun. False: it is passed over. Default true. */
  readonly begins?: boolean;
}

/**
 * Why a claim was refused.
 *
 * - `held`: a live lease stands, for `wait` milliseconds more unless it is renewed or given back.
 * - `paused`, `too_early`, `backing_off`: as they say; `wait` of the latter two.
 * - `stale`: slot or token are not the last ones; the record says which are.
 * - `exhausted`: the slot was tried as often as may be.
 * - `over`: the request has ended, or this claim was granted before and its lease is over.
 * - `lost_race`: the record changed in the very moment, and the answer may show it as it was before, or after.
 * - `unknown`: there is no record.
 */
export type Refusal =
  'held' | 'paused' | 'too_early' | 'backing_off' | 'stale' | 'exhausted' | 'over' | 'lost_race' | 'unknown';

export type ClaimAnswer = Timed<
  | { readonly granted: true; readonly record: WorkerRecord; readonly lost: LostRun | undefined }
  | {
      readonly granted: false;
      readonly reason: Refusal;
      readonly wait: number;
      readonly record: WorkerRecord | undefined;
    }
>;

export interface Heartbeat extends HeldLease {
  readonly lease: number;
  readonly progress?: RunProgress;
}

/** `leaseUntil` undefined: the run does not hold the lease any more. */
export type HeartbeatAnswer = Timed<{
  readonly leaseUntil: number | undefined;
  readonly cancelRequested: boolean;
}>;

export interface Release extends HeldLease {
  /**
   * `done`: it came to its end by itself. `undone`: it was told to end, and its slot is owed. `unrun`: it never
   * began, and nothing has changed.
   */
  readonly kind: 'done' | 'undone' | 'unrun';
  /** Its record; absent when it never began. */
  readonly run?: EndedRun;
  /** Whether it had a lease; without one only the status is written. */
  readonly leased: boolean;
  /** The request that it served. */
  readonly requestId?: string;
  /**
   * The same slot or request again after `delay`, as it failed. A request that waits, and was not made by hand, is
   * newer: it gets that place and that delay. One retry waits at a time; a paused worker has none.
   */
  readonly retry: boolean;
  /** No run for a slot for this many milliseconds; or that it is to stay as it was. */
  readonly delay: number | 'keep';
  /** How many slots up to here count as skipped: they passed while it was active. */
  readonly passed?: { readonly slot: number; readonly skipped: number };
  /** Whether replicas have to hear of it without asking: something may be run at once. */
  readonly tell: boolean;
}

/** The record as it is after that; undefined when the token was not the last one, and nothing was written. */
export type ReleaseAnswer = Timed<{ readonly record: WorkerRecord | undefined }>;

export interface RunRequestInput extends Omit<RequestedRun, 'requestedAt' | 'attempts' | 'notBefore'> {
  /** Requests of one worker with the same event are one. */
  readonly eventId?: string;
  readonly overlap: OverlapPolicy;
  /** How often it is tried, if its runs do not come to their end. */
  readonly maxAttempts: number;
}

/** An event with such an id is never forgotten: it must not come again, however old it is. */
export const FOREVER = 'once:';

/** `busy`: a run is active, and the policy is `skip`. `known`: the event was requested before. */
export type RequestAnswer = Timed<{
  readonly accepted: boolean;
  readonly reason?: 'busy' | 'known' | 'unknown';
  readonly record: WorkerRecord | undefined;
}>;

/** Slots up to `slot`, which count as skipped: the worker backed off. Not when a run was granted since `fencing`. */
export interface BackedOff {
  readonly fencing: number;
  readonly slot: number;
  readonly skipped: number;
}

/** `actor`: the person or program that makes the change. */
export type Control = { readonly actor?: string } & (
  | { readonly do: 'pause'; readonly passed?: BackedOff }
  /** Goes on after `slot`: slots of the pause count for nothing. `delay`: milliseconds to the first run. */
  | { readonly do: 'resume'; readonly slot: number; readonly delay?: number }
  | {
      readonly do: 'reschedule';
      readonly timing: string;
      readonly slot: number;
      readonly delay?: number;
      readonly passed?: BackedOff;
    }
);

/** `dropped`: it waited. `known`: it is active, as far as the coordinator knows. */
export interface CancelAnswer {
  readonly dropped?: {
    readonly worker: string;
    readonly trigger: RunTrigger;
    /** Number of the attempt that it would have been, from 1. */
    readonly attempt: number;
    /** Of a retry, when it was due. */
    readonly requestedAt: number;
    readonly actor?: string;
  };
  readonly known: boolean;
}

/** What a replica knows already. */
export interface Known {
  /** By worker, the revision of the record that it has seen last. */
  readonly revisions: ReadonlyMap<string, number>;
  /** Requests whose outcome a caller of this replica awaits. */
  readonly awaited: readonly string[];
  /** Requests whose runs are active here without a lease: that they are said here is their sign of life. */
  readonly unleased: readonly string[];
  /** Runs that are active on this replica, with or without a lease: it hears which were cancelled. Default none. */
  readonly active?: readonly string[];
  /** A request without a lease counts as dropped when no replica has reported it as active for this many milliseconds. */
  readonly silentAfter: number;
}

/** Asks for the time only. */
export const NOTHING_KNOWN: Known = {
  revisions: new Map(),
  awaited: [],
  unleased: [],
  silentAfter: 0,
};

/** Replicas that claim slots, in no order; the one that asked is among them if it does. */
export type Members = Timed<{ readonly members: readonly string[] }>;

export type Pulse = Timed<{
  /** Of those named: with another revision, a lease that ran out, or a request that waits. */
  readonly records: readonly WorkerRecord[];
  /** Requests for those workers that no run serves, oldest first; also those that are not due yet. */
  readonly requests: readonly RequestedRun[];
  readonly outcomes: ReadonlyMap<string, RequestOutcome>;
  /** By run. */
  readonly cancellations: ReadonlyMap<string, Cancellation>;
}>;
