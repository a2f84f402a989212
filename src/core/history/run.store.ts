import { type RunTrigger } from '../worker/run-context.js';
import { type KnownReplica, type Replica } from './replica.js';
import { type Run, type RunOutcome } from './run.js';

/** Which runs to read; always newest start first. */
export interface RunQuery {
  /** UUID. */
  id?: string | undefined;
  worker?: string | undefined;
  /** Runs of the stored schedules with this key: of one of them, if `worker` is its handler. */
  key?: string | undefined;
  /** Runs with one of these outcomes. */
  outcomes?: readonly RunOutcome[] | undefined;
  trigger?: RunTrigger | undefined;
  /** Runs that started at this instant or later. */
  since?: Date | undefined;
  /** Runs that started before this instant. */
  until?: Date | undefined;
  /** Runs whose error has this text in its class or message, or in those of its causes; case-insensitive. */
  text?: string | undefined;
  /** Whether to read their logs (up to 16 KiB a run) and payloads (up to 256 KiB) too. Default false. */
  withLog?: boolean | undefined;
  /** 1 to 1000. */
  limit: number;
  /** Only runs that come after this one in the same order: the last of a page gives the next page. */
  before?: Pick<Run, 'id' | 'startedAt'> | undefined;
}

/** Which replicas to read. */
export interface ReplicaQuery {
  /** UUID. */
  id?: string | undefined;
  /** Only those that are alive. Default false. */
  alive?: boolean | undefined;
  /** 1 to 1000. */
  limit: number;
}

/** Which runs to delete: those beyond either limit. */
export interface PruneQuery {
  /** Runs that ended before this instant. */
  endedBefore: Date;
  /** Number of runs to keep of each worker, those with the newest starts. At least 1; Infinity: no limit. */
  maxRuns: number;
}

/**
 * Stores runs. Calls reject with `StoreRefusedError` when the store answers and refuses the call, and with any other
 * error when it cannot be reached; the recorder in front of it buffers and retries, so that no worker waits for the
 * store. Every implementation passes `runStoreContract`; with `heartbeat` also `sharedRunStoreContract`, with
 * `lastSlots` `lastingRunStoreContract`, and with `prune` `prunableRunStoreContract`.
 */
export abstract class RunStore {
  /** How the log names it: "PostgreSQL, schema "workers"". Default: the name of its class. Must contain no secrets. */
  readonly description?: string;

  /** Called before any other method. When it rejects, the application's start fails. */
  abstract open(): Promise<void>;

  /**
   * Inserts or replaces runs by id, all or none. Repeating it changes nothing. When some of them can never be stored,
   * it rejects with `StoreRefusedError` because of `values`; the recorder then saves these apart, in a form that can
   * be stored.
   */
  abstract save(runs: readonly Run[]): Promise<void>;

  abstract find(query: RunQuery): Promise<Run[]>;

  /**
   * For a store that looks at a limited number of runs in a search without an index, such as for a `text`: the last run
   * that the search looked at, to continue from with `before`; undefined when it has looked at all.
   */
  searchedTo?(query: RunQuery): Promise<Pick<Run, 'id' | 'startedAt'> | undefined>;

  /**
   * For a store that several replicas share, or that outlives them. Notes that the replica is alive, and marks as
   * `lost` the active runs of replicas without a heartbeat in the last `lostAfter` milliseconds, by the store's own
   * clock.
   * @returns the runs that this call marked
   */
  heartbeat?(replica: Replica, lostAfter: number): Promise<Run[]>;

  /**
   * For a store that outlives the process: for each of these workers, the latest slot whose run is active or ended by
   * itself. The slot of a lost or aborted run does not count: it is owed. For a worker without such a run, the `now`
   * of the first call that named it, kept for good: otherwise a worker whose slots always fall into a restart would
   * never run. The first call itself answers nothing for that worker.
   *
   * @param timings by worker, its schedule as text. When it differs from that of the last call, it has come into
   * force `now`: then the answer is at least `now`, as the schedule has no slots before
   */
  lastSlots?(
    workers: readonly string[],
    now: Date,
    timings?: ReadonlyMap<string, string>,
  ): Promise<Map<string, Date>>;

  /**
   * The newest runs of each of these workers, at most `count` per worker, in any order: the same runs as one call of
   * `find` per worker.
   */
  lastRuns?(workers: readonly string[], count: number): Promise<Run[]>;

  /**
   * Stores the latest slots of workers whose runs are not stored (option `record`), so that `lastSlots` answers with
   * them.
   */
  noteSlots?(slots: ReadonlyMap<string, Date>): Promise<void>;

  /**
   * For a store without a size limit of its own: deletes runs, at most 1,000 per step of the iteration, so that the
   * caller can stop between two steps. It never deletes an active run, nor the run of each worker whose slot
   * `lastSlots` answers, however old: without it a slot of a monthly worker could not be caught up.
   * @returns how many each batch deleted
   */
  prune?(query: PruneQuery): AsyncIterable<number>;

  /**
   * For a store that several replicas share, or that outlives them: the replicas that are alive, and those that are
   * gone and still stored; the newest start first.
   */
  replicas?(query: ReplicaQuery): Promise<KnownReplica[]>;

  /** Notes that the replica has ended, with all of its runs recorded, and releases what `open` has opened. */
  abstract close(replica: Replica): Promise<void>;
}
