import { asInstant, asMs } from './record.js';

/**
 * $1: workers. $2: now, ms. The latest slot of each worker whose run came to its end, or is on, or that was
 * noted without its run (note-slots.ts); else when the worker was first asked about, which this notes. A probe of the index for each: a GROUP BY would read all of the history. The
 * snapshot does not show what the statement itself notes, so a worker that is new has no row.
 */
export const lastSlots = (schema: string): string => `
WITH noted AS (
  INSERT INTO ${schema}.known_workers (worker, since)
  SELECT DISTINCT asked.worker, ${asInstant('$2')} FROM unnest($1::text[]) AS asked (worker)
  ON CONFLICT DO NOTHING
)
SELECT asked.worker, ${asMs('greatest(last.slot, known.since)')} AS slot
FROM unnest($1::text[]) AS asked (worker)
LEFT JOIN ${schema}.known_workers AS known ON known.worker = asked.worker
LEFT JOIN LATERAL (
  SELECT slot FROM ${schema}.runs
  WHERE runs.worker = asked.worker AND slot IS NOT NULL AND outcome NOT IN ('lost', 'aborted')
  ORDER BY started_at DESC, id DESC
  LIMIT 1
) AS last ON true
WHERE greatest(last.slot, known.since) IS NOT NULL
`;
