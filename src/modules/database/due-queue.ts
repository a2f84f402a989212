import { type Duration, parseDuration } from '../../core/timing/duration.js';
import { type Transactions } from './transaction.js';

/**
 * A due queue: rows of any table that are due at an instant, over and over. Replicas claim what is due, each row by
 * one of them.
 *
 *  1. `claim` takes the rows that are due, or will be within the horizon, the longest due first, and moves their
 *     `due_at` ahead in the same statement. The moved `due_at` is the lease: until then nobody else gets the row. It is
 *     never cleared: if the holder dies, the row is simply due again.
 *  2. The holder does the work, when it is due.
 *  3. `settle` moves `due_at` to the next turn, only for rows whose `due_at` still is the lease. One that somebody else
 *     has claimed in the meantime stays as it is, and the holder is told so. Where the lease already is the next turn,
 *     as for what runs every few seconds, there is nothing to settle.
 *
 * Every instant is the database's: the clocks of the replicas are not asked. The database's time comes with each claim,
 * so that the holder can tell how long it has to wait.
 *
 * The table has `<due>`, a `timestamptz(3)`, so that a JavaScript date names it exactly, and an index that begins with it, partial if
 * `where` is given. A row where it is null takes no part.
 */
export interface DueQueueOptions {
  /** Name of the table, as SQL. In the expressions below it is called `q`. */
  table: string;
  /** Its primary key, a text column. Default `id`. */
  key?: string | undefined;
  /** When a row is due. Default `due_at`. */
  due?: string | undefined;
  /** SQL: which rows take part, such as `q.enabled`. Default all. */
  where?: string | undefined;
  /**
   * SQL: where a claim moves `due_at` to, such as `q.due_at + q.interval` where the next turn follows from the row, or
   * `clock.now + interval '10 minutes'` for work that is settled when it is done; `clock.until` is the end of the horizon. `q.due_at` is the instant
   * that is claimed. A lease that does not lie beyond the horizon becomes one that
   * just does, as the same row would be claimed again at once.
   */
  lease: string;
  /** SQL: what a claim tells of each row besides, by name, such as `{ attempts: 'q.attempts' }`. `q.due_at` is the lease here. */
  select?: Readonly<Record<string, string>> | undefined;
  /**
   * SQL: what a claim sets besides, by column, such as `{ claimed_by: '$3' }` for the first of the claim's `values`;
   * `due.due` is the instant that is claimed.
   */
  set?: Readonly<Record<string, string>> | undefined;
  /**
   * A text column that says which lane a row waits in. Then a claim has a limit for each lane, and takes the longest due of each: what
   * waits in one delays no other, and lanes that are not asked for are passed over. The index begins with it, then `<due>`.
   */
  lane?: string | undefined;
  /**
   * SQL of a queue with lanes: of whom a row is, null for nobody. A claim then takes of each no more than the lane's `share`, and leaves the
   * others as they are.
   */
  owner?: string | undefined;
}

/** How much of a lane a claim takes. */
export interface LaneLimit {
  readonly most: number;
  /** Most of one owner. */
  readonly share: number;
}

/** A row that this replica holds until its lease ends. */
export interface DueClaim {
  readonly key: string;
  /** What it was due at: the instant that this claim stands for, and no other does. */
  readonly dueAt: Date;
  /** What `due_at` is now. */
  readonly lease: Date;
}

export interface DueClaims<Row> {
  /** The longest due first. */
  readonly claims: (DueClaim & Row)[];
  /** The database's time when they were claimed. */
  readonly now: Date;
}

export interface ClaimOptions {
  /** Most rows; of a queue with lanes, of each lane by its name. */
  limit: number | ReadonlyMap<string, number | LaneLimit>;
  /** Also what is due within that time. Default 0: only what is due by now. */
  horizon?: Duration | undefined;
  /** What the expressions of `set` name as `$3`, `$4` and so on. */
  values?: readonly unknown[] | undefined;
}

/** Where a claimed row goes when its work is done. */
export interface Settlement {
  readonly key: string;
  /** As the claim said. */
  readonly lease: Date;
  readonly dueAt: Date;
}

export class DueQueue<Row extends object = object> {
  private readonly claimSql: string;
  private readonly settleSql: string;

  constructor(
    private readonly transactions: Transactions,
    private readonly options: DueQueueOptions,
  ) {
    this.claimSql = claimStatement(options);
    this.settleSql = settleStatement(options);
  }

  /** In the current transaction, if there is one: then others wait for nothing and pass over what it has claimed. */
  async claim({ limit, horizon = 0, values = [] }: ClaimOptions): Promise<DueClaims<Row>> {
    const ahead = parseDuration(horizon);
    const most = typeof limit === 'number' ? limit : lanesOf(limit);
    const rows = await this.transactions.query<ClaimedRow>(this.claimSql, [most, ahead, ...values]);
    const names = Object.keys(this.options.select ?? {});
    const claims = rows.flatMap((row) => {
      if (row.claimed_key === null) return [];
      const claim: Record<string, unknown> = {
        key: row.claimed_key,
        dueAt: new Date(row.claimed_due),
        lease: new Date(row.claimed_lease),
      };
      names.forEach((name, i) => (claim[name] = row[`selected_${i}`]));
      return [claim as unknown as DueClaim & Row];
    });
    claims.sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime());
    return { claims, now: new Date(rows[0]!.claimed_now) };
  }

  /**
   * Moves each row to its next turn, or back to an earlier one to give it up.
   * @returns the keys of those that were moved. The others no longer belong to this claim: their lease ended and
   * another replica claimed them, or they were deleted.
   */
  async settle(settlements: readonly Settlement[]): Promise<Set<string>> {
    if (settlements.length === 0) return new Set();
    const inOrder = settlements.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const rows = await this.transactions.changed<{ settled_key: string }>(this.settleSql, [
      inOrder.map(({ key }) => key),
      instants(inOrder.map(({ lease }) => lease)),
      instants(inOrder.map(({ dueAt }) => dueAt)),
    ]);
    return new Set(rows.map(({ settled_key }) => settled_key));
  }
}

/** One without a key when nothing was due: the database's time comes with it all the same. */
type ClaimedRow = {
  claimed_key: string | null;
  claimed_due: number;
  claimed_lease: number;
  claimed_now: number;
} & Record<`selected_${number}`, unknown>;

/**
 * `clock_timestamp()` is volatile: in the condition itself it would be read for each row, and no index could serve it.
 * Instants come as milliseconds, which cost a tenth of what reading a timestamp's text does.
 *
 * A locked row is found again by its place (`ctid`), as PostgreSQL's manual has it for updates in batches: the index is read
 * once. What is due goes through arrays: the planner takes `due` itself for as long as its limit, and would read the whole
 * table to find a thousand rows in it, also where there is one. Of an unnested array it expects few rows, and goes
 * to each. The number of lanes and the largest limit are parameters, so that the planner knows them. A limit that it finds in a row it takes for a
 * tenth of all due rows, in each of a hundred lanes: among 300,000 rows it put a claim at 598,920, and PostgreSQL compiled it (`jit_above_cost`).
 */
function claimStatement({
  table,
  key = 'id',
  due = 'due_at',
  where,
  lease,
  select = {},
  set = {},
  lane,
  owner,
}: DueQueueOptions): string {
  const also = Object.entries(set).map(([column, sql]) => `, ${column} = ${sql}`);
  const selected = Object.values(select).map((sql, i) => `, (${sql}) AS selected_${i}`);
  const longestDue = (of: string, limit: string): string => `
      SELECT q.ctid AS place, q.${due} AS due${owner ? `, ${owner} AS owner` : ''}
      FROM ${table} q
      WHERE ${of}q.${due} <= (SELECT until FROM clock)${where ? ` AND (${where})` : ''}
      ORDER BY q.${due}
      LIMIT ${limit}
      FOR UPDATE OF q SKIP LOCKED`;
  const dueRows =
    lane === undefined
      ? longestDue('', '$1')
      : `SELECT longest.*, lane_limit ->> 0 AS lane, (lane_limit ->> 2)::int AS share
      FROM generate_series(0, jsonb_array_length($1::jsonb -> 'lanes') - 1) AS nth
      CROSS JOIN LATERAL (SELECT $1::jsonb -> 'lanes' -> nth AS lane_limit) AS asked
      CROSS JOIN LATERAL (
        SELECT * FROM (${longestDue(`q.${lane} = (lane_limit ->> 0) AND `, `($1::jsonb ->> 'most')::int`)}) AS found
        LIMIT (lane_limit ->> 1)::int
      ) AS longest`;
  const taken = owner
    ? `(SELECT *, row_number() OVER (PARTITION BY lane, owner ORDER BY due) AS nth FROM due) AS ranked
      WHERE owner IS NULL OR nth <= share`
    : 'due';
  return `
    WITH clock AS MATERIALIZED (
      SELECT clock_timestamp() AS now, clock_timestamp() + $2 * interval '1 millisecond' AS until
    ), due AS MATERIALIZED (${dueRows}
    ), gathered AS MATERIALIZED (
      SELECT array_agg(place) AS places, array_agg(due) AS dues FROM ${taken}
    ), claimed AS (
      UPDATE ${table} q
      SET ${due} = greatest((${lease}), clock.until + interval '1 millisecond')${also.join('')}
      FROM clock, gathered, unnest(gathered.places, gathered.dues) AS due (place, due)
      WHERE q.ctid = due.place
      RETURNING q.${key} AS claimed_key, ${milliseconds('due.due')} AS claimed_due,
        ${milliseconds(`q.${due}`)} AS claimed_lease${selected.join('')}
    )
    SELECT ${milliseconds('clock.now')} AS claimed_now, claimed.* FROM clock LEFT JOIN claimed ON true`;
}

function lanesOf(limits: ReadonlyMap<string, number | LaneLimit>): string {
  const lanes = [...limits].map(([lane, limit]) => {
    const { most, share } = typeof limit === 'number' ? { most: limit, share: limit } : limit;
    return [lane, most, share] as const;
  });
  return JSON.stringify({ lanes, most: Math.max(0, ...lanes.map(([, most]) => most)) });
}

function milliseconds(instant: string): string {
  return `round(date_part('epoch', ${instant}) * 1000)`;
}

/** As an array of PostgreSQL's, written here: `pg` looks at each item of one, which took as long as a tenth of the statement. */
function instants(dates: readonly Date[]): string {
  return `{${dates.map((date) => date.getTime()).join(',')}}`;
}

/**
 * The keys come in order, and PostgreSQL goes from each to its row: two replicas that settle some of the same rows do not
 * wait for each other in a circle. Locking the rows in that order first was the same, and took a fifth longer. The arrays
 * are unnested from a row, as for the claim: of a parameter the planner knows the length, and read a table of 20,000 rows
 * as a whole for a thousand of them.
 */
function settleStatement({ table, key = 'id', due = 'due_at' }: DueQueueOptions): string {
  return `
    WITH given AS MATERIALIZED (
      SELECT $1::text[] AS keys, $2::float8[] AS leases, $3::float8[] AS dues
    )
    UPDATE ${table} q
    SET ${due} = to_timestamp(s.due / 1000)
    FROM given, unnest(given.keys, given.leases, given.dues) AS s (key, lease, due)
    WHERE q.${key} = s.key AND q.${due} = to_timestamp(s.lease / 1000)
    RETURNING q.${key} AS settled_key`;
}
