import { asInterval, asMs, timeColumn } from './record.js';

/**
 * $1: worker. $2: run. $3: token. $4: length of the lease in ms. $5: progress, or null.
 *
 * An expired lease is renewed as well, as long as no other run was granted.
 */
export const renewLease = (schema: string): string => `
WITH renewed AS (
  UPDATE ${schema}.workers
  SET lease_until = clock_timestamp() + ${asInterval('$4')}, progress = coalesce($5::jsonb, progress)
  WHERE name = $1 AND run_id = $2 AND fencing = $3 AND holder IS NOT NULL
  RETURNING lease_until, cancel_requested
)
SELECT ${timeColumn}, ${asMs('renewed.lease_until')} AS lease_until, renewed.cancel_requested
FROM (SELECT) AS always LEFT JOIN renewed ON true
`;
