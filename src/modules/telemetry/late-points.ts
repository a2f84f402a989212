import type pg from 'pg';
import { type PointTable } from './rollup.statements.js';

/** A point that is stored. */
interface Point {
  readonly key: number;
  readonly point: { readonly at: Date };
}

/**
 * Held by writers, shared, from their look at the closed windows to their commit; and by the rollup that closes
 * windows.
 */
export function closingLock({ raw }: PointTable): string {
  return `hashtext('telemetry_rollups'), hashtext('${raw}')`;
}

/**
 * Notes which windows of the points are closed already, in the transaction that stores the points. Whoever closes windows
 * waits for the writers that looked before: so a point is either seen when its window is rolled up, or noted here.
 *
 * @param earliest milliseconds: the instant of the earliest point
 */
export async function markLate(
  client: pg.ClientBase,
  table: PointTable,
  points: readonly Point[],
  earliest: number,
): Promise<void> {
  const results = (await client.query(
    `SELECT pg_advisory_xact_lock_shared(${closingLock(table)});
     SELECT (extract(epoch FROM closed_until) * 1000)::float8 AS closed_until FROM telemetry_rollups WHERE raw = '${table.raw}'`,
  )) as unknown as pg.QueryResult<{ closed_until: number }>[];
  const closedUntil = results[1]!.rows[0]!.closed_until;
  if (earliest >= closedUntil) return;
  const late = points.filter(({ point }) => point.at.getTime() < closedUntil);
  await client.query(
    `INSERT INTO telemetry_late (raw, key, at)
     SELECT DISTINCT $1, key, date_bin('1 minute', at, 'epoch') FROM unnest($2::int[], $3::timestamptz[]) AS late (key, at)
      ORDER BY 2, 3
     ON CONFLICT DO NOTHING`,
    [table.raw, late.map(({ key }) => key), late.map(({ point }) => point.at.toISOString())],
  );
}
