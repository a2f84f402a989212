import { AsyncLocalStorage } from 'node:async_hooks';
import { type LoggerService } from '@nestjs/common';

/** What made a run start. */
export type RunTrigger = 'schedule' | 'manual' | 'event' | 'catch_up' | 'retry';

/** Progress of a run, as it reports it. */
export interface RunProgress {
  done: number;
  total?: number;
  message?: string;
}

/**
 * What runs SQL in a transaction of the caller's: TypeORM's `EntityManager` and a client of `pg` by `query`, MikroORM's
 * `EntityManager` and a transaction of Drizzle by `execute`, one of Knex by `raw`. For any other, an object with `query`.
 */
export type TransactionRunner =
  | { query(sql: string, parameters?: unknown[]): PromiseLike<unknown> }
  | { execute(sql: string): PromiseLike<unknown> }
  | { raw(sql: string): PromiseLike<unknown> };

/**
 * One run as its worker sees it: the first argument of the method, and `RunContext.current()` anywhere in
 * the calls below it.
 */
export abstract class RunContext {
  /** Name of the worker. */
  abstract readonly worker: string;
  abstract readonly runId: string;
  /** The instant that the run stands for; absent when it was triggered. */
  abstract readonly slot: Date | undefined;
  /** Number of the attempt at its slot, from 1. */
  abstract readonly attempt: number;
  abstract readonly trigger: RunTrigger;
  /** Who triggered it; undefined when nobody said so. */
  abstract readonly actor: string | undefined;
  /** When it was to start: the slot, or the moment of the trigger. */
  abstract readonly scheduledAt: Date;
  abstract readonly startedAt: Date;
  /** What the trigger handed over, as its JSON says it: a date is a string, a function is nothing. */
  abstract readonly payload: unknown;
  /** Aborts at the timeout, and at shutdown when the drain deadline has passed. Hand it to whatever waits. */
  abstract readonly signal: AbortSignal;
  /**
   * Writes to the application's log under the worker's name; the newest 100 lines, at most 16 KiB, are kept with the run,
   * those of all levels.
   */
  abstract readonly logger: LoggerService;

  /** Reports progress; the last report is kept in the run's record. May be taken off the context and called bare. */
  abstract readonly progress: (done: number, total?: number, message?: string) => void;

  /**
   * Keeps a number with the run, such as how many rows it deleted; of several with one name the last. At most 50 names of
   * 100 characters. May be taken off the context and called bare.
   * @throws InvalidMetricError for a value that is no finite number, a bad name, or one name too many
   */
  abstract readonly metric: (name: string, value: number) => void;

  /**
   * With coordination: grows with every run of the worker in the cluster, so that whatever the run writes to can tell
   * an older run from a newer one. Undefined without, or with scope `replica`.
   */
  abstract readonly fencingToken: number | undefined;

  /**
   * Makes sure, inside the caller's transaction, that no newer run of the worker was granted, and that none is until
   * the transaction ends: a run whose lease was taken over while it slept cannot write then. Call it last before the
   * commit: until then the lease cannot be renewed. Without coordination it resolves.
   *
   * @param manager runs SQL in that transaction, on the database of the coordination
   * @throws StaleRunError; roll back then. TypeError for what runs no SQL
   */
  abstract assertCurrent(manager: TransactionRunner): Promise<void>;

  /** The run that the caller is part of; undefined outside of any. */
  static current(): RunContext | undefined {
    return runContextStorage.getStore();
  }
}

/** Carries the context through a run's asynchronous calls. Execution fills it; everybody else reads `current()`. */
export const runContextStorage = new AsyncLocalStorage<RunContext>();
