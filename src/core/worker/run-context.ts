import { AsyncLocalStorage } from 'node:async_hooks';
import { type LoggerService } from '@nestjs/common';
import { type FanOutOptions, type FanOutResult } from './fan-out.js';

/** What made a run start. */
export type RunTrigger = 'schedule' | 'manual' | 'event' | 'catch_up' | 'retry';

/** Progress that a run reports. */
export interface RunProgress {
  done: number;
  total?: number;
  message?: string;
}

/**
 * Runs SQL in a transaction of the caller: TypeORM's `EntityManager` and a client of `pg` by `query`, MikroORM's
 * `EntityManager` and a transaction of Drizzle by `execute`, one of Knex by `raw`. For any other, pass an object with
 * `query`.
 */
export type TransactionRunner =
  | { query(sql: string, parameters?: unknown[]): PromiseLike<unknown> }
  | { execute(sql: string): PromiseLike<unknown> }
  | { raw(sql: string): PromiseLike<unknown> };

/** A method with `@Shard`: handles one item of a fan-out. */
export type ShardMethod<Item = never> = (item: Item, context: ShardContext) => unknown;

/** A run as its worker sees it: the first argument of the method, and `RunContext.current()` in all code that it calls. */
export abstract class RunContext {
  /** Name of the worker. */
  abstract readonly worker: string;
  abstract readonly runId: string;
  /** The slot that the run is for; undefined when it was triggered. */
  abstract readonly slot: Date | undefined;
  /** Number of the attempt at its slot or event, from 1. */
  abstract readonly attempt: number;
  abstract readonly trigger: RunTrigger;
  /** Who triggered it; undefined when unknown. */
  abstract readonly actor: string | undefined;
  /** When it was due: the slot plus its jitter, or the time of the trigger. */
  abstract readonly scheduledAt: Date;
  abstract readonly startedAt: Date;
  /** The payload of the trigger or event, through JSON: a date is a string, a function is left out. */
  abstract readonly payload: unknown;
  /**
   * Aborts at the timeout, when the run is cancelled or loses its lease, and at shutdown after `drain.timeout`. Pass it
   * to all calls that wait.
   */
  abstract readonly signal: AbortSignal;
  /**
   * Writes to the application's log under the worker's name. The newest 100 lines of all levels, at most 16 KiB, are
   * stored with the run.
   */
  abstract readonly logger: LoggerService;

  /** Reports progress; the last report is stored with the run. Can be destructured from the context. */
  abstract readonly progress: (done: number, total?: number, message?: string) => void;

  /**
   * Stores a number with the run, such as how many rows it deleted; the last one per name. At most 50 names of 100
   * characters. Can be destructured from the context.
   * @throws InvalidMetricError for a value that is no finite number, an invalid name, or a 51st name
   */
  abstract readonly metric: (name: string, value: number) => void;

  /**
   * Fencing token: grows with every run of the worker in the cluster, so that the system that a run writes to can reject
   * older runs. Undefined without coordination, or with scope `replica`.
   */
  abstract readonly fencingToken: number | undefined;

  /**
   * Checks, inside the caller's transaction, that no newer run of the worker was granted, and prevents one until the
   * transaction ends: a run whose lease was taken over while its process was suspended cannot write. Call it last before
   * the commit: it blocks the renewal of the lease until the transaction ends. Without coordination it resolves.
   *
   * @param manager runs SQL in that transaction, on the database of the coordination
   * @throws StaleRunError: roll back. TypeError for a `manager` that cannot run SQL
   */
  abstract assertCurrent(manager: TransactionRunner): Promise<void>;

  /**
   * Calls a method with `@Shard` for each item, several at a time, and resolves when all have ended. The run's record
   * counts them (`Run.shards`), and its progress is that count. Each shard is run at least once. See `docs/fan-out.md`.
   * Can be destructured from the context.
   *
   * @param shard the method itself: `this.sweepTenant`
   * @param items values that JSON gives back as they are
   * @throws FanOutError when shards failed after their retries, unless `failures` is `collect`; UnknownShardError,
   * InvalidShardItemError; the reason of the run's signal when that aborts: then no further shard has started
   */
  abstract readonly fanOut: <Item>(
    shard: ShardMethod<Item>,
    items: readonly Item[],
    options?: FanOutOptions,
  ) => Promise<FanOutResult<Item>>;

  /**
   * Whether the shards of `fanOut` run on every replica: an engine is configured, and can be reached now. False: in this
   * process. A run for which handing out costs more than it saves can ask.
   */
  abstract readonly distributesShards: boolean;

  /** The run that the caller is part of; undefined outside of runs. */
  static current(): RunContext | undefined {
    return runContextStorage.getStore();
  }
}

/**
 * A shard as its method sees it: the second argument, and `RunContext.current()` in all code that it calls. What it says
 * of the run, such as worker, id, slot and fencing token, is that of the run that fans out, also on another replica.
 */
export abstract class ShardContext extends RunContext {
  /** Name of the shard method: `Class.method`, or the `name` of its `@Shard`. */
  abstract readonly shard: string;
  /** Index of the item among those that the run gave. */
  abstract readonly index: number;
  /** Number of the attempt at this shard, from 1. */
  abstract override readonly attempt: number;
  /** Aborts at the timeout of the shard, and when the run's signal aborts. */
  abstract override readonly signal: AbortSignal;
  /** Shows the message with the run's progress. Numbers are left out: those of the run count its shards. */
  abstract override readonly progress: RunContext['progress'];
  /** Adds to the run's metric of that name, when the shard succeeds. */
  abstract override readonly metric: RunContext['metric'];
}

/** Carries the context through a run's asynchronous calls. `Execution` sets it; other code reads `RunContext.current()`. */
export const runContextStorage = new AsyncLocalStorage<RunContext>();
