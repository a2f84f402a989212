import { asPortError } from '../../postgres/refusal.js';
import { type ShardRun } from '../fan-out.engine.js';
import { type ShardMetrics } from '../shard-runner.js';
import { hashedKey } from '../queued/shard-ids.js';
import {
  type FailedShard,
  type FanOutState,
  type LedgerCounts,
  type LedgerEntries,
  ShardLedger,
  type ShardResult,
} from '../queued/shard-ledger.js';

/** Sends SQL to the database of the queue. */
export type Query = <Row extends object>(sql: string, values?: unknown[]) => Promise<Row[]>;

/** Jobs of a queue of pg-boss. */
export interface Jobs {
  readonly schema: string;
  readonly queue: string;
  readonly ids: readonly string[];
}

/** How long what is known of a fan-out outlives the last look at it. */
const KEEP = '2 days';

/** The tables. Replicas that start at a time make them one after the other. */
const tables = (schema: string): string => `
SELECT pg_advisory_xact_lock(hashtextextended('ctrlplane-workers ${schema}', 0));
CREATE SCHEMA IF NOT EXISTS ${schema};
CREATE TABLE IF NOT EXISTS ${schema}.fan_outs (
  key uuid PRIMARY KEY,
  run text NOT NULL,
  run_id text NOT NULL,
  token bigint,
  stopped boolean NOT NULL DEFAULT false,
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- What has come of shards. Without a failure it has succeeded.
CREATE TABLE IF NOT EXISTS ${schema}.shards (
  key uuid NOT NULL,
  id uuid NOT NULL,
  metrics jsonb,
  failure jsonb,
  PRIMARY KEY (key, id)
);
`;

/** The ledger in PostgreSQL: a row for each fan-out, and one for each shard with a result. */
export class PostgresShardLedger extends ShardLedger {
  constructor(
    private readonly query: Query,
    private readonly schema: string,
  ) {
    super();
  }

  async install(): Promise<void> {
    await this.ask(tables(this.schema));
    await this.prune();
  }

  async adopt(key: string, run: ShardRun): Promise<boolean> {
    const { schema } = this;
    const rows = await this.ask(
      `WITH adopted AS (
         INSERT INTO ${schema}.fan_outs AS stored (key, run, run_id, token) VALUES ($1, $2, $3, $4)
         ON CONFLICT (key) DO UPDATE SET
           run = excluded.run, run_id = excluded.run_id, token = excluded.token, stopped = false, seen_at = clock_timestamp()
         WHERE stored.token IS NULL OR excluded.token IS NULL OR stored.token <= excluded.token
         RETURNING key
       ), forgotten AS (
         DELETE FROM ${schema}.shards AS s USING adopted AS a WHERE s.key = a.key AND s.failure IS NOT NULL
       )
       SELECT key FROM adopted`,
      [hashedKey(key), JSON.stringify(run), run.runId, run.fencingToken ?? null],
    );
    return rows.length > 0;
  }

  async runOf(key: string): Promise<ShardRun | undefined> {
    const [row] = await this.ask<{ run: string }>(`SELECT run FROM ${this.schema}.fan_outs WHERE key = $1`, [
      hashedKey(key),
    ]);
    return row && (JSON.parse(row.run) as ShardRun);
  }

  async statesOf(keys: readonly string[]): Promise<ReadonlyMap<string, FanOutState>> {
    const names = new Map(keys.map((key) => [hashedKey(key), key]));
    const rows = await this.ask<{ key: string; run_id: string; stopped: boolean }>(
      `SELECT key, run_id, stopped FROM ${this.schema}.fan_outs WHERE key = ANY ($1::uuid[])`,
      [[...names.keys()]],
    );
    return new Map(rows.map((row) => [names.get(row.key)!, { runId: row.run_id, stopped: row.stopped }]));
  }

  async counts(key: string): Promise<LedgerCounts> {
    const { schema } = this;
    const [row] = await this.ask<{ run_id: string | null; stopped: boolean; done: number; failed: number }>(
      `WITH seen AS (
         UPDATE ${schema}.fan_outs SET seen_at = clock_timestamp()
         WHERE key = $1 AND seen_at < clock_timestamp() - interval '10 minutes'
       )
       SELECT
         (SELECT run_id FROM ${schema}.fan_outs WHERE key = $1),
         (SELECT stopped FROM ${schema}.fan_outs WHERE key = $1),
         count(*) FILTER (WHERE failure IS NULL)::int AS done, count(*) FILTER (WHERE failure IS NOT NULL)::int AS failed
       FROM ${schema}.shards WHERE key = $1`,
      [hashedKey(key)],
    );
    const { run_id: runId, stopped, done, failed } = row!;
    return { done, failed, state: runId === null ? undefined : { runId, stopped } };
  }

  async entries(key: string): Promise<LedgerEntries> {
    const rows = await this.ask<{ id: string; metrics: ShardMetrics | null; failed: boolean }>(
      `SELECT id, metrics, failure IS NOT NULL AS failed FROM ${this.schema}.shards WHERE key = $1`,
      [hashedKey(key)],
    );
    return {
      done: new Map(rows.flatMap(({ id, metrics, failed }) => (failed ? [] : [[id, metrics ?? undefined]]))),
      failed: new Set(rows.flatMap(({ id, failed }) => (failed ? [id] : []))),
    };
  }

  async isDone(key: string, id: string): Promise<boolean> {
    const rows = await this.ask(
      `SELECT id FROM ${this.schema}.shards WHERE key = $1 AND id = $2 AND failure IS NULL`,
      [hashedKey(key), id],
    );
    return rows.length > 0;
  }

  async failures(key: string, ids: readonly string[]): Promise<ReadonlyMap<string, FailedShard>> {
    const rows = await this.ask<{ id: string; failure: FailedShard }>(
      `SELECT id, failure FROM ${this.schema}.shards WHERE key = $1 AND id = ANY ($2::uuid[]) AND failure IS NOT NULL`,
      [hashedKey(key), ids],
    );
    return new Map(rows.map(({ id, failure }) => [id, failure]));
  }

  /** @param jobs the jobs of these results, which are removed by the same statement: each commit waits for the disk */
  async succeeded(results: readonly ShardResult[], jobs?: Jobs): Promise<void> {
    const { schema } = this;
    // One row each; in one order everywhere, so that statements of two replicas do not wait for each other in a circle.
    const rows = new Map(results.map(({ key, id, metrics }) => [id, { key: hashedKey(key), id, metrics }]));
    const keep = `INSERT INTO ${schema}.shards AS stored (key, id, metrics)
       SELECT r.key, r.id, r.metrics
       FROM jsonb_to_recordset($1::jsonb) AS r (key uuid, id uuid, metrics jsonb) JOIN ${schema}.fan_outs AS f USING (key)
       ORDER BY r.key, r.id
       ON CONFLICT (key, id) DO UPDATE SET metrics = excluded.metrics, failure = NULL`;
    const values = [JSON.stringify([...rows.values()])];
    if (!jobs) await this.ask(keep, values);
    else
      await this.ask(
        `WITH kept AS (${keep}) DELETE FROM ${jobs.schema}.job WHERE name = $2 AND id = ANY ($3::uuid[])`,
        [...values, jobs.queue, jobs.ids],
      );
  }

  async gaveUp(key: string, runId: string, id: string, failure: FailedShard): Promise<void> {
    const { schema } = this;
    await this.ask(
      `INSERT INTO ${schema}.shards AS stored (key, id, failure)
       SELECT key, $3::uuid, $4::jsonb FROM ${schema}.fan_outs WHERE key = $1 AND run_id = $2
       ON CONFLICT (key, id) DO UPDATE SET failure = excluded.failure WHERE stored.failure IS NOT NULL`,
      [hashedKey(key), runId, id, JSON.stringify(failure)],
    );
  }

  async stop(key: string, runId: string): Promise<void> {
    await this.ask(`UPDATE ${this.schema}.fan_outs SET stopped = true WHERE key = $1 AND run_id = $2`, [
      hashedKey(key),
      runId,
    ]);
  }

  async forget(keys: readonly string[]): Promise<void> {
    const hashes = keys.map(hashedKey);
    await this.ask(`DELETE FROM ${this.schema}.fan_outs WHERE key = ANY ($1::uuid[])`, [hashes]);
    await this.ask(`DELETE FROM ${this.schema}.shards WHERE key = ANY ($1::uuid[])`, [hashes]);
  }

  /** Deletes what nobody has looked at for long: of runs that were not tried again. */
  async prune(): Promise<void> {
    const { schema } = this;
    await this.ask(
      `WITH old AS (
         DELETE FROM ${schema}.fan_outs WHERE seen_at < clock_timestamp() - interval '${KEEP}' RETURNING key
       )
       DELETE FROM ${schema}.shards WHERE key IN (SELECT key FROM old)`,
    );
  }

  /** @throws StoreRefusedError when PostgreSQL has refused the statement */
  private async ask<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]> {
    try {
      return await this.query<Row>(sql, values);
    } catch (error) {
      throw asPortError(error);
    }
  }
}
