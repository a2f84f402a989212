import { asMs } from './record.js';

/**
 * $1: id, or null. $2: whether only those that are alive. $3: limit. $4: ms without a heartbeat after which one is gone.
 * The newest start first.
 */
export const findReplicas = (schema: string): string => `
SELECT k.id, k.host, k.pid, k.release, ${asMs('k.started_at')} AS started_at, ${asMs('r.heartbeat_at')} AS seen_at
FROM ${schema}.known_replicas AS k LEFT JOIN ${schema}.replicas AS r
  ON r.id = k.id AND r.heartbeat_at > clock_timestamp() - $4::float8 * interval '1 millisecond'
WHERE ($1::uuid IS NULL OR k.id = $1::uuid) AND (NOT $2::boolean OR r.id IS NOT NULL)
ORDER BY k.started_at DESC, k.id DESC
LIMIT $3
`;
