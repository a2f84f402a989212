import type pg from 'pg';
import { type Clock } from '../../../src/core/timing/clock.js';
import { type Transactions } from '../../../src/modules/database/transaction.js';
import { type Row } from '../../../src/modules/schedules/in-memory-schedule.row.js';
import { InMemoryScheduleStore } from '../../../src/modules/schedules/in-memory-schedule.store.js';
import { PostgresScheduleStore } from '../../../src/modules/schedules/postgres-schedule.store.js';
import { type ClaimId, type ScheduleStore } from '../../../src/modules/schedules/schedule.store.js';

/** A store whose rows the observer may read. */
export type ModelStore = ScheduleStore & {
  /** As they are: a call may change them. */
  all(): Iterable<Readonly<Row>>;
};

/** Makes the store: the rule in memory, a broken one that has to be found out, or the one in PostgreSQL. */
export type StoreModel = (clock: Clock) => ModelStore;

/** The rule in memory. */
export class MemoryModel extends InMemoryScheduleStore {
  all(): Iterable<Readonly<Row>> {
    return this.table.values();
  }

  protected get table(): Map<string, Row> {
    return (this as unknown as { rows: Map<string, Row> }).rows;
  }
}

/** In the simulation's time: it hides the function of PostgreSQL by the path on which names are looked for. */
export const SIMULATED_CLOCK = `
CREATE SCHEMA IF NOT EXISTS simulated;
CREATE OR REPLACE FUNCTION simulated.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
  AS $$ SELECT to_timestamp(current_setting('simulated.now')::float8 / 1000) $$`;

const at = (column: string): string => `round(date_part('epoch', ${column}) * 1000) AS "${column}"`;

const ROWS = `
SELECT handler, key, timing, payload, group_name, revision::float8, attempt, claims, token::float8, claimed_by, triggered_by, cancellation,
  turns::float8, runs::float8, failures::float8, missed::float8, consecutive_failures,
  ${['created_at', 'changed_at', 'slot_at', 'planned_at', 'due_at', 'triggered_at', 'paused_at', 'ended_at'].map(at).join(', ')}
FROM schedules`;

/** The store of PostgreSQL, all replicas on one connection, in the time of the simulation. */
export class PostgresModel extends PostgresScheduleStore {
  private mirror: Row[] = [];

  /** @param client with the path of names \`simulated, public, pg_catalog\`, on a database without a schedule */
  constructor(
    private readonly client: pg.Client,
    clock: Clock,
  ) {
    const run = async (sql: string, values: unknown[] = []): Promise<pg.QueryResult<never>> => {
      await client.query(`SELECT set_config('simulated.now', $1, false)`, [clock.now()]);
      const answer = await client.query<never>(sql, values);
      if (/UPDATE|INSERT|DELETE/.test(sql))
        this.mirror = (await client.query<TableRow>(ROWS)).rows.map(rowOf);
      return answer;
    };
    super({
      query: async (sql: string, values?: unknown[]) => (await run(sql, values)).rows,
      affected: async (sql: string, values?: unknown[]) => (await run(sql, values)).rowCount,
    } as unknown as Transactions);
  }

  override assertCurrent(claim: ClaimId): Promise<boolean> {
    return super.assertCurrent(claim, this.client);
  }

  all(): Iterable<Readonly<Row>> {
    return this.mirror;
  }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as `ROWS` names it
type TableRow = Record<string, any>;

function rowOf(row: TableRow): Row {
  const { handler, key, timing, payload, revision, attempt, claims, token, turns, runs, failures, missed } =
    row;
  const { token: cancelled, ...by } = row.cancellation ?? {};
  return {
    ...{ handler, key, timing, payload, revision, attempt, claims, token, turns, runs, failures, missed },
    group: row.group_name,
    createdAt: row.created_at,
    changedAt: row.changed_at,
    turn: row.slot_at === null ? null : { slot: row.slot_at, plannedAt: row.planned_at },
    due: row.due_at,
    claimed: row.claimed_by !== null,
    triggeredAt: row.triggered_at,
    triggeredBy: row.triggered_by,
    cancellation: row.cancellation && { token: cancelled, by },
    pausedAt: row.paused_at,
    endedAt: row.ended_at,
    consecutiveFailures: row.consecutive_failures,
    last: undefined,
  };
}
