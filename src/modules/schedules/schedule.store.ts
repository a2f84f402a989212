import { type LaneLimit } from '../database/due-queue.js';
import { type Cancellation } from '../../core/worker/cancellation.js';
import { type TransactionRunner } from '../../core/worker/run-context.js';
import { type Schedule, type ScheduleOutcome, type ScheduleState } from './schedule.js';

/** A slot, and when its run is to start. Milliseconds since the epoch. */
export interface Turn {
  readonly slot: number;
  readonly plannedAt: number;
}

/** A schedule as it is written: what `upsert` was given, checked, and its first turn from now on. */
export interface NewSchedule {
  readonly handler: string;
  readonly key: string;
  /** JSON of its `ScheduleTiming`, keys in one order: two that mean the same are the same text. */
  readonly timing: string;
  /** JSON; null for none. */
  readonly payload: string | null;
  readonly group: string | null;
  /** Null when none is to come. */
  readonly turn: Turn | null;
}

/** What became of the schedules that were written. */
export interface UpsertSummary {
  created: number;
  changed: number;
  unchanged: number;
}

/** A schedule that this replica holds until the lease ends. */
export interface ScheduleClaim {
  readonly handler: string;
  readonly key: string;
  /** Grows with each claim in the database, of whatever schedule. */
  readonly token: number;
  /** Another one for each definition. */
  readonly revision: number;
  readonly timing: string;
  readonly payload: string | null;
  readonly group: string | null;
  /** Null when it has ended, and is claimed because it was triggered. */
  readonly turn: Turn | null;
  /** Number of the attempt that this claim is for. */
  readonly attempt: number;
  /** Claims of this turn, with this one: from the second on, an earlier holder has left without a word. */
  readonly claims: number;
  /** Slots that have had their runs. */
  readonly turns: number;
  readonly consecutiveFailures: number;
  /** When somebody asked for a run by hand; null when this claim is for its turn. */
  readonly triggeredAt: number | null;
  readonly triggeredBy: string | null;
  /** Who cancelled an earlier claim of the same slot, which is not run then; null when nobody did. */
  readonly cancelledBy: Cancellation | null;
  readonly paused: boolean;
  readonly lease: Date;
}

export interface ScheduleClaims {
  /** The longest due first. */
  readonly claims: readonly ScheduleClaim[];
  /** The store's time when they were claimed. */
  readonly now: Date;
}

export interface ScheduleClaimOptions {
  /** Most schedules of each handler, `most`, and of each group of it, `share`. A number is both. */
  limits: ReadonlyMap<string, number | LaneLimit>;
  /** Groups of which none is taken. Default none. */
  without?: readonly { readonly handler: string; readonly group: string }[] | undefined;
  /** Milliseconds: also what is due within that time. */
  horizon: number;
  /** Milliseconds. */
  lease: number;
  /** Which replica claims. */
  replica: string;
}

/** A run that has ended, as its schedule keeps it. */
export interface ScheduleRun {
  readonly outcome: ScheduleOutcome;
  /** Absent where there was no run. */
  readonly id?: string | undefined;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly error?: string | undefined;
}

/** What a claim comes to. Of a schedule that was changed in the meantime only the run counts: its turns are the new definition's. */
export interface ScheduleResult {
  readonly claim: Pick<ScheduleClaim, 'handler' | 'key' | 'token' | 'revision' | 'triggeredAt'>;
  /** The next turn; null when none is to come. */
  readonly turn: Turn | null;
  /** Number of the attempt at that. */
  readonly attempt: number;
  /** Of that turn: 0, but for what is given back. */
  readonly claims: number;
  /** Slots that are over without a run. */
  readonly missed: number;
  /** Whether a slot has had its runs: 0 or 1. */
  readonly turns: number;
  /** Absent when there was none. */
  readonly run?: ScheduleRun | undefined;
}

/** Which schedules to list, ordered by handler and key. */
export interface ScheduleFilter {
  readonly handler?: string | undefined;
  /** What the key begins with. Of one handler. */
  readonly keyPrefix?: string | undefined;
  readonly state?: ScheduleState | undefined;
  /** Only those behind this one. */
  readonly after?: { readonly handler: string; readonly key: string } | undefined;
  readonly limit: number;
}

/** The schedules of one handler together. */
export interface HandlerCounts {
  readonly handler: string;
  /** Whether a replica has said within the last half minute that it has the handler. */
  readonly known: boolean;
  readonly schedules: number;
  readonly running: number;
  readonly paused: number;
  readonly ended: number;
  /** Their last run failed. */
  readonly failing: number;
  /** Due for longer than a minute, and claimed by nobody. */
  readonly overdue: number;
  readonly runs: number;
  readonly failures: number;
  readonly missed: number;
  readonly nextRun: Date | undefined;
}

/** What is wrong with schedules of one handler, however many these are. */
export interface HandlerTrouble {
  /** `failing`: their last run failed. `unknown_handler`: no replica has the handler. */
  readonly kind: 'failing' | 'unknown_handler';
  readonly handler: string;
  /** How many schedules; 10,000 at the most are counted. */
  readonly schedules: number;
  /** One of them, which failed most often in a row. */
  readonly key: string;
  /** Its failures in a row. */
  readonly failures: number;
  /** Message of its last error. */
  readonly error: string | undefined;
}

/** Names a claim. */
export type ClaimId = Pick<ScheduleClaim, 'handler' | 'key' | 'token'>;

/**
 * Where schedules are kept. Every instant is the store's own. Every implementation passes `scheduleStoreContract`.
 *
 * A claim is for a limited time, its lease, and has a token that no other claim has. Everything that the holder says later
 * names the token, and changes nothing when another replica has claimed the schedule since, or it was removed.
 */
export abstract class ScheduleStore {
  /** Whether other processes may write to it and claim from it. */
  abstract readonly shared: boolean;

  /** The store's time. @param manager asks in that transaction, which may have the last connection of a pool */
  abstract now(manager?: TransactionRunner): Promise<Date>;

  /**
   * Inserts them, or changes those that are there and differ; each `(handler, key)` at most once. A changed timing begins anew with
   * its turn; one that is unchanged keeps its own. One that is claimed keeps its lease: the new turn comes after the end of
   * the run.
   * @param manager runs it in that transaction, on the same database
   */
  abstract upsert(schedules: readonly NewSchedule[], manager?: TransactionRunner): Promise<UpsertSummary>;

  /** @param manager looks in that transaction */
  abstract find(handler: string, key: string, manager?: TransactionRunner): Promise<Schedule | undefined>;

  /** @returns whether it was there */
  abstract remove(handler: string, key: string, manager?: TransactionRunner): Promise<boolean>;

  abstract list(filter: ScheduleFilter): Promise<Schedule[]>;

  /** Each handler that has schedules. Reads all of them: for people, not for programs. */
  abstract handlers(): Promise<HandlerCounts[]>;

  /** No slot is run until it is resumed; a run that is active goes on. @returns whether it is there, and has not ended */
  abstract pause(handler: string, key: string, manager?: TransactionRunner): Promise<boolean>;

  /** Ends a pause; of one that is not paused nothing changes. @returns whether it is there */
  abstract resume(
    handler: string,
    key: string,
    turn: Turn | null,
    manager?: TransactionRunner,
  ): Promise<boolean>;

  /**
   * Makes it due now, once, also when it is paused or has ended; its turn stays. While a run is active it follows that. Asked for
   * again before it has begun, it is one run.
   * @returns whether it is there
   */
  abstract trigger(
    handler: string,
    key: string,
    actor: string | undefined,
    manager?: TransactionRunner,
  ): Promise<boolean>;

  /**
   * Cancels what is claimed: its holder hears of it by `cancellations`. It holds for the slot: when the holder dies, gives it back or its run
   * fails before it has heard, the next claim of that slot has `cancelledBy`, at once. A slot of another definition is not cancelled, nor is a
   * run by hand that is asked for. The first who cancels a claim stands.
   * @param token only the claim with that token
   * @returns whether it is claimed; undefined when it is not there
   */
  abstract cancel(
    handler: string,
    key: string,
    by: Cancellation,
    token: number | undefined,
    manager?: TransactionRunner,
  ): Promise<boolean | undefined>;

  /** Which claims of the replica are cancelled, by token. Those of other replicas may be among them. */
  abstract cancellations(replica: string): Promise<ReadonlyMap<number, Cancellation>>;

  /**
   * Makes its turn due now, whatever its slot: for tests. Nothing changes of one that is claimed, paused, or has ended. Of a store that
   * goes by another clock than the application's.
   */
  bringForward?(handler: string, key: string): Promise<void>;

  /** Says that a replica has these handlers. */
  abstract know(handlers: readonly string[]): Promise<void>;

  /** Handlers that have schedules, and that no replica has said for half a minute to have. */
  abstract unknownHandlers(): Promise<string[]>;

  /**
   * Handlers whose schedules fail, or that no replica has. Those that are paused count for nothing, and those that have ended for an
   * hour.
   */
  abstract troubles(): Promise<HandlerTrouble[]>;

  /** Deletes schedules that ended that long ago, in milliseconds, 1,000 at the most. @returns how many */
  abstract prune(age: number): Promise<number>;

  /** Hands out what is due, each schedule to one caller. */
  abstract claim(options: ScheduleClaimOptions): Promise<ScheduleClaims>;

  /**
   * Counts an attempt as its run starts: of a claim whose earlier holder has left without a word.
   * @returns the number in the row, plus one; undefined when the claim is no longer held
   */
  abstract begin(claim: ClaimId): Promise<number | undefined>;

  /**
   * @returns tokens of those that still were held. The results of the others are void.
   * @throws LockedSchedulesError when a transaction of somebody's has some of them for longer than a moment: all others are stored
   */
  abstract settle(results: readonly ScheduleResult[]): Promise<Set<number>>;

  /**
   * Renews leases.
   * @param lease milliseconds from now until their new end
   * @returns tokens of those that still are held
   * @throws LockedSchedulesError as `settle`
   */
  abstract renew(claims: readonly ClaimId[], lease: number): Promise<Set<number>>;

  /** Whether the claim holds still, and that it does until the transaction ends. @param manager runs SQL in that transaction */
  abstract assertCurrent(claim: ClaimId, manager: TransactionRunner): Promise<boolean>;

  /**
   * When the next schedule of these handlers falls due, after now; undefined when none does. What is due already waits for room. Only asked
   * of a store that is not shared.
   */
  abstract nextDue(handlers: readonly string[]): Promise<Date | undefined>;
}
