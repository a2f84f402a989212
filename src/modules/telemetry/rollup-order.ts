import { type PointTable } from './rollup.statements.js';

/** Series whose minutes of an hour are put in order by one transaction, which takes about half a second. */
const SERIES_AT_ONCE = 500;

export interface HourOfMinutes {
  readonly from: Date;
  readonly to: Date;
}

/** Runs a statement in a transaction of its own, or what it is given in one. */
export type Run = <Row>(sql: string, values: unknown[]) => Promise<Row[]>;

/**
 * Puts the minutes of an hour that is over into the order of series and time. They were stored minute by minute, so each minute of
 * a series is in a page of its own: a day of one took 1,440 pages, and then takes 72.
 *
 * @param inTurn holds off those that mend minutes meanwhile, and calls back with what runs a statement
 * @throws the signal's reason, between two transactions: what was put in order stays so
 */
export async function orderMinutes(
  { key, minutes }: PointTable,
  { from, to }: HourOfMinutes,
  query: Run,
  inTurn: (work: () => Promise<number>) => Promise<number>,
  signal?: AbortSignal,
): Promise<void> {
  const found = await query<{ key: number }>(
    `SELECT DISTINCT ${key} AS key FROM ${minutes} WHERE at >= $1 AND at < $2 ORDER BY 1`,
    [from, to],
  );
  const keys = found.map((row) => row.key);
  for (let first = 0; first < keys.length; first += SERIES_AT_ONCE) {
    signal?.throwIfAborted();
    await inTurn(async () => {
      await query(
        `WITH gone AS (
           DELETE FROM ${minutes} WHERE at >= $1 AND at < $2 AND ${key} = ANY($3::int[]) RETURNING *
         )
         INSERT INTO ${minutes} SELECT * FROM gone ORDER BY ${key}, at`,
        [from, to, keys.slice(first, first + SERIES_AT_ONCE)],
      );
      return 0;
    });
  }
}
