import { asInstant, asMs } from './record.js';

/**
 * $1: workers. $2: now, ms. $3: their schedules, or null. For each worker, the latest slot whose run is active or ended
 * by itself, or that was noted without its run (note-slots.ts); else when the worker was first queried, which this
 * statement stores. Not before its schedule came into force, which is when it was first queried with it. One index lookup
 * per worker: a GROUP BY would read the whole history. The snapshot does not contain what the statement itself stores, so
 * a new worker has no row.
 */
export const lastSlots = (schema: string): string => `
WITH asked AS MATERIALIZED (
  SELECT DISTINCT ON (worker) worker, timing FROM unnest($1::text[], $3::text[]) AS a (worker, timing)
), noted AS (
  INSERT INTO ${schema}.known_workers AS known (worker, since, timing)
  SELECT worker, ${asInstant('$2')}, timing FROM asked ORDER BY worker
  ON CONFLICT (worker) DO UPDATE SET
    timing = excluded.timing,
    since = CASE WHEN known.timing IS NULL THEN known.since ELSE greatest(known.since, excluded.since) END
  WHERE known.timing IS DISTINCT FROM excluded.timing AND excluded.timing IS NOT NULL
), told AS (
  SELECT asked.worker, greatest(
    last.slot, known.since, CASE WHEN known.timing <> asked.timing THEN ${asInstant('$2')} END
  ) AS slot
  FROM asked
  LEFT JOIN ${schema}.known_workers AS known ON known.worker = asked.worker
  LEFT JOIN LATERAL (
    SELECT slot FROM ${schema}.runs
    WHERE runs.worker = asked.worker AND slot IS NOT NULL AND outcome NOT IN ('lost', 'aborted')
    ORDER BY started_at DESC, id DESC
    LIMIT 1
  ) AS last ON true
)
SELECT worker, ${asMs('slot')} AS slot FROM told WHERE slot IS NOT NULL
`;
