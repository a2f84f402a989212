import { asInstant, asInterval } from './record.js';
import { runColumns } from './run-columns.js';

/**
 * $1: replica's id. $2: host. $3: pid. $4: its start, ms. $5: ms without a heartbeat after which a replica is gone. $6:
 * its release, or null. Returns the runs that it marked as lost. The row in `known_replicas` is written once: it names
 * the replica of runs after it is gone.
 *
 * `clock_timestamp()`, as everywhere: `now()` is the start of the transaction, also after a wait for a lock. The snapshot
 * does not contain the row that this statement writes, so the replica excludes itself.
 */
export const heartbeat = (schema: string): string => `
WITH alive AS (
  INSERT INTO ${schema}.replicas (id, host, pid, started_at, heartbeat_at, release)
  VALUES ($1, $2, $3, ${asInstant('$4')}, clock_timestamp(), $6)
  ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at
), known AS (
  INSERT INTO ${schema}.known_replicas (id, host, pid, started_at, release)
  VALUES ($1, $2, $3, ${asInstant('$4')}, $6)
  ON CONFLICT DO NOTHING
), silent AS (
  DELETE FROM ${schema}.replicas
  WHERE id <> $1 AND heartbeat_at <= clock_timestamp() - ${asInterval('$5')}
  RETURNING id
)
UPDATE ${schema}.runs SET outcome = 'lost', ended_at = clock_timestamp()
WHERE outcome = 'running' AND replica <> $1
  AND (replica IN (SELECT id FROM silent) OR NOT EXISTS (SELECT FROM ${schema}.replicas r WHERE r.id = replica))
RETURNING ${runColumns}
`;
