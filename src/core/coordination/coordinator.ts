import { type EndedRun } from '../history/run.js';
import { type IncidentStore } from '../history/incident.store.js';
import { type RunStore } from '../history/run.store.js';
import { type OverlapPolicy } from '../worker/worker-options.js';
import { type Cancellation } from '../worker/cancellation.js';
import { type RunProgress, type RunTrigger, type TransactionRunner } from '../worker/run-context.js';
import { type LostRun, type RequestedRun, type RequestOutcome, type WorkerRecord } from './worker-record.js';

/**
 * Decides which replica may run a worker. The rule is one compare-and-set on the worker's record: `claim` names the
 * last slot and token that the replica knows of, and is granted only if they are the last ones, the new slot is due
 * by the coordinator's clock, the worker is not paused, and no lease is live. See `docs/cluster.md`.
 *
 * Every call may be repeated, arrive late or twice. Calls reject with `StoreRefusedError` when the coordinator
 * answers and refuses the call, and with any other error when it cannot be reached, within a time limit of its own;
 * whether the call took effect is unknown then. Every implementation passes `coordinatorContract`.
 */
export abstract class Coordinator {
  /** How the log names it: "PostgreSQL, schema "workers"". Default: the name of its class. Must contain no secrets. */
  readonly description?: string;

  /** The store of the history of runs, for an application that configures no other. Default: none. */
  runStore?(): RunStore;

  /** The store of the cluster's incidents, usable while the coordination is open. Default: none. */
  incidentStore?(): IncidentStore;

  /** Called before any other method. When it rejects, the application's start fails. */
  abstract open(): Promise<void>;

  /**
   * Enrols workers. A new one gets a record; the record of one whose definition has changed gets the schedule of the
   * code. The code that was enrolled last decides: all replicas follow the record's `timing`.
   * @returns the records, and the workers that can never be enrolled; enrol a worker in neither list again
   */
  abstract enroll(
    workers: readonly Enrolment[],
  ): Promise<Timed<{ records: readonly WorkerRecord[]; refused?: readonly RefusedEnrolment[] }>>;

  abstract claim(claim: Claim): Promise<ClaimAnswer>;

  /** Renews a lease, and answers whether the run was asked to end. */
  abstract heartbeat(heartbeat: Heartbeat): Promise<HeartbeatAnswer>;

  /** Gives a lease back, with the outcome of the run. */
  abstract release(release: Release): Promise<ReleaseAnswer>;

  /** Requests a run beside the schedule, which any replica may claim. */
  abstract request(request: RunRequestInput): Promise<RequestAnswer>;

  /** Asks the run with this token to end: overlap policy `cancelRunning`. */
  abstract cancel(worker: string, fencing: number): Promise<void>;

  /**
   * Drops a waiting request, or a waiting retry, which is named by the run that failed. Otherwise keeps the
   * cancellation, and the replica that runs it gets it with its next pulse; also for a run that the coordinator does
   * not know: of a worker of the scope `replica`, or without a lease.
   */
  abstract cancelRun(runId: string, by: Cancellation): Promise<Timed<CancelAnswer>>;

  /**
   * Pauses, resumes or reschedules a worker.
   * @returns the record, or undefined if there is none with that name
   */
  abstract control(worker: string, change: Control): Promise<Timed<{ record: WorkerRecord | undefined }>>;

  /**
   * Announces a replica that claims slots, and answers which do. Only the order in which they claim depends on it.
   * @param replica undefined: only asks
   * @param absentAfter milliseconds without an announcement after which a replica counts as gone
   */
  abstract announce(replica: string | undefined, absentAfter: number): Promise<Members>;

  /** What has changed by other replicas, and what waits. Reports the runs that are active without a lease. */
  abstract pulse(known: Known): Promise<Pulse>;

  /** All records, ordered by name. */
  abstract records(): Promise<Timed<{ records: readonly WorkerRecord[] }>>;

  /**
   * Resolves if the run still has the worker's newest token. From then on no other run is granted before the
   * transaction of `manager` has ended.
   * @throws StaleRunError
   */
  abstract assertCurrent(run: HeldLease, manager: TransactionRunner): Promise<void>;

  /** Deletes requests that ended more than `age` milliseconds ago, except events whose id begins with `FOREVER`. */
  abstract prune(age: number): Promise<void>;

  /** Releases what `open` has opened. */
  abstract close(): Promise<void>;
}

/** An answer with the coordinator's time at which it was given: milliseconds since the epoch. */
export type Timed<T> = T & { readonly time: number };

export interface Enrolment {
  readonly name: string;
  /** The schedule of the code. */
  readonly timing: string;
  /** Slots of a new record or definition begin after this instant. Milliseconds since the epoch. */
  readonly slot: number;
  /** Spacing `delay`: milliseconds from now to the first run. */
  readonly delay?: number;
}

/** A worker that the coordinator can never store, for example because of characters in its name, and the error. */
export interface RefusedEnrolment {
  readonly name: string;
  readonly error: unknown;
}

/** Identifies a run that was granted. */
export interface HeldLease {
  readonly worker: string;
  readonly runId: string;
  readonly fencing: number;
}

export interface Claim {
  readonly worker: string;
  /** Chosen by the caller, so that a claim whose answer was lost can be repeated. */
  readonly runId: string;
  readonly replica: string;
  /** Last token and last slot that the replica knows of. */
  readonly fencing: number;
  readonly from: number;
  /** The slot to run (`from` again if it is owed), or the id of the request to run. */
  readonly target: { readonly slot: number } | { readonly request: string };
  /** Numbers of slots between `from` and the new one that were missed and skipped. */
  readonly missed: number;
  readonly skipped: number;
  /** Length of the lease in milliseconds; undefined for overlap policy `allow`, which takes none. */
  readonly lease: number | undefined;
  /** Most attempts of a slot while its runs do not come to their end. Retries after a failure are not limited by it. */
  readonly maxAttempts: number;
  /**
   * When the stored slot is this far ahead, the coordinator's clock was set back: an earlier slot is granted.
   * Milliseconds.
   */
  readonly resetAhead?: number;
  /** Whether a granted slot counts as begun. Default true; false when the slot is claimed only to be passed. */
  readonly begins?: boolean;
}

/**
 * Why a claim was refused.
 *
 * - `held`: a lease is live, for `wait` milliseconds more unless it is renewed or given back.
 * - `paused`, `unknown`: the worker is paused, or has no record.
 * - `too_early`, `backing_off`: the slot is not due, or the worker backs off, for `wait` milliseconds more.
 * - `stale`: slot or token are not the last ones; the record has the last ones.
 * - `exhausted`: the slot has had its `maxAttempts`.
 * - `over`: the slot or request cannot be claimed (any more), or this claim was granted before and its lease is over.
 * - `lost_race`: the record changed during the claim; the answer may show it as before or as after that change.
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
  /** `done`: the run ended by itself. `undone`: it was told to end, and its slot is owed. `unrun`: it never began. */
  readonly kind: 'done' | 'undone' | 'unrun';
  /** The run's record; absent when it never began. */
  readonly run?: EndedRun;
  /** Whether the run had a lease; under overlap policy `allow` it has none. */
  readonly leased: boolean;
  /** Id of the request that the run served. */
  readonly requestId?: string;
  /**
   * Whether the slot or request is run again after `delay`, as the run failed. A waiting request that is not manual
   * is newer: it takes the retry's place and delay. One retry waits at a time; a paused worker has none.
   */
  readonly retry: boolean;
  /** Milliseconds during which no run for a slot is granted; `keep` leaves the record's `notBefore` as it is. */
  readonly delay: number | 'keep';
  /** Slots that passed while the run was active: the last one, and how many count as skipped. */
  readonly passed?: { readonly slot: number; readonly skipped: number };
  /** Whether the other replicas have to be told, because something may be run at once. */
  readonly tell: boolean;
}

/** The record after the release; undefined when the token was not the last one: then nothing was written. */
export type ReleaseAnswer = Timed<{ readonly record: WorkerRecord | undefined }>;

export interface RunRequestInput extends Omit<RequestedRun, 'requestedAt' | 'attempts' | 'notBefore'> {
  /** Requests of one worker with the same event are one. */
  readonly eventId?: string;
  readonly overlap: OverlapPolicy;
  /** Most attempts while its runs do not come to their end. */
  readonly maxAttempts: number;
}

/** Prefix of the ids of events that are never deleted: such an event must not run again, however old it is. */
export const FOREVER = 'once:';

/** `busy`: a run is active, and the policy is `skip`. `known`: the event was requested before. `unknown`: no record. */
export type RequestAnswer = Timed<{
  readonly accepted: boolean;
  readonly reason?: 'busy' | 'known' | 'unknown';
  readonly record: WorkerRecord | undefined;
}>;

/** Slots up to `slot` that count as skipped, after a backoff. Ignored when a run was granted after token `fencing`. */
export interface BackedOff {
  readonly fencing: number;
  readonly slot: number;
  readonly skipped: number;
}

/** `actor`: the person or program that makes the change. */
export type Control = { readonly actor?: string } & (
  | { readonly do: 'pause'; readonly passed?: BackedOff }
  /** Continues after `slot`: slots of the pause are neither run nor counted. `delay`: milliseconds to the first run. */
  | { readonly do: 'resume'; readonly slot: number; readonly delay?: number }
  | {
      readonly do: 'reschedule';
      readonly timing: string;
      readonly slot: number;
      readonly delay?: number;
      readonly passed?: BackedOff;
    }
);

/** `dropped`: set when it was waiting. `known`: whether it waited or is active, as far as the coordinator knows. */
export interface CancelAnswer {
  readonly dropped?: {
    readonly worker: string;
    readonly trigger: RunTrigger;
    /** Number of the attempt that it would have been, from 1. */
    readonly attempt: number;
    /** When it was requested; of a retry, when it was due. Milliseconds since the epoch. */
    readonly requestedAt: number;
    readonly actor?: string;
  };
  readonly known: boolean;
}

/** What a replica knows, and what it reports, when it asks for a pulse. */
export interface Known {
  /** By worker, the revision of the record that the replica saw last. */
  readonly revisions: ReadonlyMap<string, number>;
  /** Requests whose outcome a caller of this replica awaits. */
  readonly awaited: readonly string[];
  /** Requests whose runs are active on this replica without a lease. Naming them here is their heartbeat. */
  readonly unleased: readonly string[];
  /** All runs that are active on this replica: the answer says which were cancelled. Default none. */
  readonly active?: readonly string[];
  /** Milliseconds without a heartbeat after which a request without a lease counts as dropped. */
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
  /** Records of the named workers that have another revision, an expired lease or a waiting request. */
  readonly records: readonly WorkerRecord[];
  /** Waiting requests of those workers, oldest first; also those that are not due yet. */
  readonly requests: readonly RequestedRun[];
  readonly outcomes: ReadonlyMap<string, RequestOutcome>;
  /** By the id of the run. */
  readonly cancellations: ReadonlyMap<string, Cancellation>;
}>;
