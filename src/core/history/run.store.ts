import { type RunTrigger } from '../worker/run-context.js';
import { type KnownReplica, type Replica } from './replica.js';
import { type Run, type RunOutcome } from './run.js';

/** Which runs to read; always newest start first. */
export interface RunQuery {
  /** UUID. */
  id?: string | undefined;
  worker?: string | undefined;
  /** One of these. */
  outcomes?: readonly RunOutcome[] | undefined;
  trigger?: RunTrigger | undefined;
  /** Runs that started at this instant or later. */
  since?: Date | undefined;
  /** Runs that started before this instant. */
  until?: Date | undefined;
  /** Class or message of its error, or of one of the reasons of that, contains this; upper and lower case are the same. */
  text?: string | undefined;
  /** What they logged as well, up to 16 KiB a run, and what they were given, up to 256 KiB. Default false. */
  withLog?: boolean | undefined;
  /** 1 to 1000. */
  limit: number;
  /** Only runs that come after this one in the same order: hand in the last of a page to get the next. */
  before?: Pick<Run, 'id' | 'startedAt'> | undefined;
}

/** Which replicas to read. */
export interface ReplicaQuery {
  /** UUID. */
  id?: string | undefined;
  /** Only those that live. Default false. */
  alive?: boolean | undefined;
  /** 1 to 1000. */
  limit: number;
}

/** Which runs to delete: what either of the two says. */
export interface PruneQuery {
  /** Runs that ended before this instant. */
  endedBefore: Date;
  /** Of each worker, all but this many, the newest starts. At least 1; Infinity: however many there are. */
  maxRuns: number;
}

/**
 * Where runs are kept. Calls reject with `StoreRefusedError` when the store answers and does not do it, and with any
 * other error when it cannot be reached; the recorder in front of it buffers and repeats, so that no worker ever waits
 * for one. Every implementation passes `runStoreContract`, with a
 * heartbeat `sharedRunStoreContract`, with `lastSlots` `lastingRunStoreContract`, and with `prune` `prunableRunStoreContract`.
 */
export abstract class RunStore {
  /** What it is, for the log: "PostgreSQL, schema "workers"". Default: the name of its class. No secrets. */
  readonly description?: string;

  /** Makes it ready. Rejecting fails the application's start. */
  abstract open(): Promise<void>;

  /**
   * Inserts or replaces by id, all or none. Repeating it changes nothing. Where some of them can never be stored it
   * rejects with `StoreRefusedError` because of `values`; they are saved apart then, in a form that may be.
   */
  abstract save(runs: readonly Run[]): Promise<void>;

  abstract find(query: RunQuery): Promise<Run[]>;

  /**
   * For a store in which a search for a `text` looks at a limited number of runs with errors: the last one that it looked at,
   * to go on from with `before`; undefined when it has looked at all.
   */
  searchedTo?(query: RunQuery): Promise<Pick<Run, 'id' | 'startedAt'> | undefined>;

  /**
   * For a store that several replicas share, or that outlives them. Says that the replica lives, and marks as
   * `lost` what runs still on replicas that have not said so for `lostAfter` milliseconds by the store's own
   * clock, or never.
   * @returns the runs that this call marked
   */
  heartbeat?(replica: Replica, lostAfter: number): Promise<Run[]>;

  /**
   * For a store that outlives the process: the latest slot of each of these workers whose run came to its end, or
   * is on. One that was lost or aborted does not count: it is owed. Of a worker without such a run, the `now` of the
   * first call that named it, kept for good: a worker whose time always falls into a restart would never run else.
   * None in that first call.
   *
   * @param timings by worker, its schedule as text. One that differs from that of the call before has come into force
   *   `now`: then the answer is not earlier, as it has no slots before
   */
  lastSlots?(
    workers: readonly string[],
    now: Date,
    timings?: ReadonlyMap<string, string>,
  ): Promise<Map<string, Date>>;

  /**
   * The newest runs of each of these workers, in any order, `count` of each at the most: what several calls of `find` give
   * for a worker each.
   */
  lastRuns?(workers: readonly string[], count: number): Promise<Run[]>;

  /** Keeps the latest slots of workers whose runs are not kept (`record`), so that `lastSlots` answers with them. */
  noteSlots?(slots: ReadonlyMap<string, Date>): Promise<void>;

  /**
   * For a store that does not bound itself: deletes runs, a batch of at most 1,000 for each step of the iteration,
   * so that whoever iterates can stop between two. Never an active run, nor the one of each worker that
   * `lastSlots` answers with, however old: without it a slot of a monthly worker could not be caught up.
   * @returns how many each batch deleted
   */
  prune?(query: PruneQuery): AsyncIterable<number>;

  /**
   * For a store that several replicas share, or that outlives them: those that live, and of those that are gone the ones that it still
   * knows; the newest start first.
   */
  replicas?(query: ReplicaQuery): Promise<KnownReplica[]>;

  /** Forgets the replica, which has recorded all that it ran, and lets go of what `open` took. */
  abstract close(replica: Replica): Promise<void>;
}
