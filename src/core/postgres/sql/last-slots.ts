import { asInstant, asMs } from './record.js';

/**
 * $1: workers. $2: now, ms. $3: their schedules, or null. The latest slot of each worker whose run came to its end, or is
 * on, or that was noted without its run (note-slots.ts); else when the worker was first asked about, which this notes.
 * Not before its schedule came into force, which is when it was first asked about with it. A probe of the index for each:
 * a GROUP BY would read all of the history. The snapshot does not show what the statement itself notes, so a worker that
 * is new has no row.
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
