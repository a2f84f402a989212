import { runColumns } from './run-columns.js';

/** $1: workers. $2: limit per worker. One index lookup per worker: a window function would read the whole history. */
export const lastRuns = (schema: string): string => `
SELECT ${runColumns}
FROM (SELECT DISTINCT name FROM unnest($1::text[]) AS name) AS asked
CROSS JOIN LATERAL (
  SELECT * FROM ${schema}.runs AS run WHERE run.worker = asked.name
  ORDER BY run.started_at DESC, run.id DESC
  LIMIT $2
) AS newest
`;
