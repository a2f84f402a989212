/** The workers that have runs, with one index lookup each: a DISTINCT would read the whole history. */
export const workersWithRuns = (schema: string): string => `
WITH RECURSIVE names AS (
  (SELECT worker FROM ${schema}.runs ORDER BY worker LIMIT 1)
  UNION ALL
  SELECT (SELECT worker FROM ${schema}.runs WHERE worker > names.worker ORDER BY worker LIMIT 1)
  FROM names WHERE names.worker IS NOT NULL
)
SELECT worker FROM names WHERE worker IS NOT NULL
`;
