import { Injectable } from '@nestjs/common';
import { AsyncLocalStorage } from 'node:async_hooks';
import { DataSource, type EntityManager } from 'typeorm';
import { untilNoConflict } from './conflict.js';
import { TransactionRolledBackError } from './transaction.errors.js';

interface OpenTransaction {
  readonly manager: EntityManager;
  readonly afterCommit: (() => void)[];
  /** Set once a joined part has failed: from then on the whole can only be rolled back. */
  failure?: { readonly error: unknown };
}

/**
 * Transactions that travel with the call: whatever runs below `run`, in whichever service, works in the same
 * one, because every repository asks for `manager()`.
 *
 * A transaction is one connection: do not run its parts side by side, and do not wait for the outside world
 * (a provider, an HTTP call) inside it.
 */
@Injectable()
export class Transactions {
  private readonly open = new AsyncLocalStorage<OpenTransaction>();

  constructor(private readonly dataSource: DataSource) {}

  /** The manager of the current transaction, or the one that commits each statement by itself. */
  manager(): EntityManager {
    return this.open.getStore()?.manager ?? this.dataSource.manager;
  }

  /** The rows that a SELECT or INSERT gives, in the current transaction if there is one. */
  query<T>(sql: string, values: unknown[] = []): Promise<T[]> {
    return this.manager().query<T[]>(sql, values);
  }

  /** The rows that an UPDATE or DELETE gives by RETURNING, which TypeORM hands out with their number. */
  async changed<T>(sql: string, values: unknown[] = []): Promise<T[]> {
    const [rows] = await this.manager().query<[T[], number]>(sql, values);
    return rows;
  }

  /** How many rows an UPDATE or DELETE has changed. */
  async affected(sql: string, values: unknown[] = []): Promise<number> {
    const [, count] = await this.manager().query<[unknown, number]>(sql, values);
    return count;
  }

  /**
   * Runs `fn` in a transaction, committed when it resolves and rolled back when it rejects. Inside another
   * one it joins that: then nothing is committed before the outermost ends. The loser of a deadlock or of a
   * serialization conflict was rolled back as a whole, and is run again, five times at most: `fn` must change
   * nothing but the database.
   * @throws TransactionRolledBackError when a joined part failed and its error did not reach the outermost.
   */
  async run<T>(fn: () => Promise<T>): Promise<T> {
    const outer = this.open.getStore();
    return outer ? join(outer, fn) : untilNoConflict(() => this.begin(fn));
  }

  /** Calls `fn` once the current transaction is committed; at once when there is none; never if it fails. */
  afterCommit(fn: () => void): void {
    const transaction = this.open.getStore();
    if (transaction) transaction.afterCommit.push(fn);
    else fn();
  }

  private async begin<T>(fn: () => Promise<T>): Promise<T> {
    const afterCommit: (() => void)[] = [];
    const result = await this.dataSource.transaction(async (manager) => {
      const transaction: OpenTransaction = { manager, afterCommit };
      const value = await this.open.run(transaction, fn);
      if (transaction.failure) throw new TransactionRolledBackError({ cause: transaction.failure.error });
      return value;
    });
    for (const callback of afterCommit) callback();
    return result;
  }
}

/** PostgreSQL answers COMMIT of a failed transaction with a silent rollback, so a swallowed failure is kept. */
async function join<T>(outer: OpenTransaction, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    outer.failure ??= { error };
    throw error;
  }
}
