import { asInstant } from './record.js';
import { runColumns } from './run-columns.js';

/** $1: worker or null for all. $2, $3: start (ms) and id of the last run of the page before, or null. $4: limit. */
export const findRuns = (schema: string): string => `
SELECT ${runColumns} FROM ${schema}.runs
WHERE ($1::text IS NULL OR worker = $1)
  AND ($2::float8 IS NULL OR (started_at, id) < (${asInstant('$2')}, $3::uuid))
ORDER BY started_at DESC, id DESC
LIMIT $4
`;
