import { instant, NOW } from './conditions.js';
import { asInterval, timeColumn } from './record.js';

/** $1: a replica that claims slots, or null. $2: ms without an announcement after which a replica is gone. One row. */
export const announce = (schema: string): string => `
WITH ${instant}, present AS (
  INSERT INTO ${schema}.members AS m (replica, seen_at) SELECT $1::uuid, ${NOW} WHERE $1 IS NOT NULL
  ON CONFLICT (replica) DO UPDATE SET seen_at = excluded.seen_at
  RETURNING replica
)
SELECT
  ${timeColumn},
  to_json(ARRAY(
    SELECT replica FROM present
    UNION SELECT replica FROM ${schema}.members WHERE seen_at > ${NOW} - ${asInterval('$2')}
  )) AS members
`;
