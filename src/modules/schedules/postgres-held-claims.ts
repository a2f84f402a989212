import { storableText } from '../database/text.js';
import { type Transactions } from '../database/transaction.js';
import * as sql from './claimed-schedules.statements.js';
import { arrayOf } from './postgres-array.js';
import { LockedSchedulesError } from './schedule.errors.js';
import { type ClaimId, type ScheduleResult } from './schedule.store.js';

/**
 * What a replica says of what it holds, in one statement for hundreds of claims. One that waited for the transaction of somebody else would keep
 * all of them waiting, until their leases end: then it is made without the rows that are locked.
 */
export class PostgresHeldClaims {
  constructor(private readonly transactions: Pick<Transactions, 'query'>) {}

  settle(results: readonly ScheduleResult[]): Promise<Set<number>> {
    return this.besideLocked(
      results,
      ({ claim }) => claim,
      (inOrder) => this.write(inOrder),
    );
  }

  /** @param lease milliseconds */
  renew(claims: readonly ClaimId[], lease: number): Promise<Set<number>> {
    return this.besideLocked(
      claims,
      (claim) => claim,
      (inOrder) => this.tokens(sql.RENEW, [...columnsOf(inOrder), lease]),
    );
  }

  private async besideLocked<T>(
    items: readonly T[],
    claimOf: (item: T) => ClaimId,
    run: (inOrder: readonly T[]) => Promise<Set<number>>,
  ): Promise<Set<number>> {
    const inOrder = items.toSorted((a, b) => order(claimOf(a), claimOf(b)));
    try {
      return await run(inOrder);
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
    }
    const locked = await this.tokens(sql.LOCKED, columnsOf(inOrder.map(claimOf)));
    const done = await run(inOrder.filter((item) => !locked.has(claimOf(item).token)));
    if (locked.size > 0) throw new LockedSchedulesError(locked, done);
    return done;
  }

  private write(inOrder: readonly ScheduleResult[]): Promise<Set<number>> {
    const column = (value: (result: ScheduleResult) => string | number | null | undefined): string =>
      arrayOf(inOrder.map(value));
    return this.tokens(sql.SETTLE, [
      ...columnsOf(inOrder.map(({ claim }) => claim)),
      column(({ claim }) => claim.revision),
      column(({ turn }) => turn?.slot),
      column(({ turn }) => turn?.plannedAt),
      column(({ attempt }) => attempt),
      column(({ claims }) => claims),
      column(({ claim }) => claim.triggeredAt),
      column(({ turns }) => turns),
      column(({ missed }) => missed),
      column(({ run }) => run?.outcome),
      column(({ run }) => run?.id),
      column(({ run }) => run?.startedAt),
      column(({ run }) => run?.endedAt),
      column(({ run }) => (run?.error === undefined ? undefined : storableText(run.error))),
    ]);
  }

  private async tokens(statement: string, values: unknown[]): Promise<Set<number>> {
    const rows = await this.transactions.query<{ token: number }>(statement, values);
    return new Set(rows.map(({ token }) => token));
  }
}

/** As PostgreSQL orders texts by their bytes, near enough: all replicas use the same. */
function order(a: ClaimId, b: ClaimId): number {
  if (a.handler !== b.handler) return a.handler < b.handler ? -1 : 1;
  return a.key < b.key ? -1 : 1;
}

/** Handlers, keys and tokens. */
function columnsOf(claims: readonly ClaimId[]): string[] {
  return [
    arrayOf(claims.map(({ handler }) => handler)),
    arrayOf(claims.map(({ key }) => key)),
    arrayOf(claims.map(({ token }) => token)),
  ];
}

function isLockTimeout(error: unknown): boolean {
  return (error as { driverError?: { code?: string } }).driverError?.code === sql.LOCK_TIMEOUT;
}
