/**
 * The latest slot of each worker in $1 whose run came to its end, or is on. A probe of the index for each: a GROUP BY
 * would read all of the history.
 */
export const lastSlots = (schema: string): string => `
SELECT asked.worker, last.slot
FROM unnest($1::text[]) AS asked (worker)
CROSS JOIN LATERAL (
  SELECT slot FROM ${schema}.runs
  WHERE runs.worker = asked.worker AND slot IS NOT NULL AND outcome NOT IN ('lost', 'aborted')
  ORDER BY started_at DESC, id DESC
  LIMIT 1
) AS last
`;
