import { Injectable } from '@nestjs/common';
import { Transactions } from '../../database/transaction.js';
import { type Admission, admission, IssuanceLimiter, refill } from './issuance-limiter.js';
import { type BucketUse } from './issuance-limits.js';

/** Buckets that have been full for so long are forgotten. */
const FORGOTTEN = `interval '1 hour'`;

interface BucketRow {
  key: string;
  /** Milliseconds since the epoch. */
  full_at: number;
  now: number;
}

/** In the table `issuance_buckets`, by the database's clock. */
@Injectable()
export class PostgresIssuanceLimiter extends IssuanceLimiter {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async admit(uses: readonly BucketUse[]): Promise<Admission> {
    if (uses.length === 0) return { admitted: true };
    await this.forget();
    return this.transactions.run(async () => {
      const rows = await this.lock(uses.map(({ key }) => key));
      const now = Math.max(...rows.map((row) => row.now));
      const answer = admission(uses, new Map(rows.map((row) => [row.key, row.full_at])), now);
      if (answer.admitted) await this.take(uses);
      return answer;
    });
  }

  async spend(uses: readonly BucketUse[]): Promise<void> {
    if (uses.length === 0) return;
    await this.transactions.run(async () => {
      await this.lock(uses.map(({ key }) => key));
      await this.take(uses);
    });
  }

  /** Makes those that are missing, and holds all until the transaction ends; in one order, or two would wait for each other. */
  private lock(keys: readonly string[]): Promise<BucketRow[]> {
    return this.transactions.query<BucketRow>(
      `INSERT INTO issuance_buckets (key, full_at)
       SELECT key, clock_timestamp() FROM (SELECT DISTINCT unnest($1::text[]) AS key ORDER BY 1) AS wanted
       ON CONFLICT (key) DO UPDATE SET full_at = issuance_buckets.full_at
       RETURNING key, (extract(epoch FROM full_at) * 1000)::double precision AS full_at,
         (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS now`,
      [[...keys].sort()],
    );
  }

  private async take(uses: readonly BucketUse[]): Promise<void> {
    const taken = uses.filter(({ take }) => take);
    await this.transactions.query(
      `UPDATE issuance_buckets
       SET full_at = greatest(full_at, clock_timestamp()) + refill * interval '1 millisecond'
       FROM unnest($1::text[], $2::double precision[]) AS taken (taken_key, refill)
       WHERE key = taken_key`,
      [taken.map(({ key }) => key), taken.map(refill)],
    );
  }

  private async forget(): Promise<void> {
    await this.transactions.query(
      `DELETE FROM issuance_buckets WHERE key IN (
         SELECT key FROM issuance_buckets WHERE full_at < clock_timestamp() - ${FORGOTTEN}
         LIMIT 100 FOR UPDATE SKIP LOCKED)`,
      [],
    );
  }
}
