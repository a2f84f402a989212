const columns = `
  id, worker, replica, trigger, slot, attempt, scheduled_at, started_at, ended_at, outcome, error, progress, blocked_ms,
  actor, release, metrics, payload, payload_omitted, log, shards, key, fencing_token
`;

/**
 * $1: runs as a JSON array with the columns as keys. One statement for all runs: one per run would need a commit (fsync)
 * each, some 2,000 a second at best. A replica that records another one's run as lost does not have its metrics, payload
 * and log: these are kept.
 */
export const saveRuns = (schema: string): string => `
INSERT INTO ${schema}.runs AS stored (${columns})
SELECT ${columns}
FROM jsonb_to_recordset($1::jsonb) AS run (
  id uuid, worker text, replica uuid, trigger text, slot timestamptz, attempt int, scheduled_at timestamptz,
  started_at timestamptz, ended_at timestamptz, outcome text, error jsonb, progress jsonb, blocked_ms int,
  actor text, release text, metrics jsonb, payload jsonb, payload_omitted boolean, log jsonb, shards jsonb, key text,
  fencing_token float8
)
ON CONFLICT (id) DO UPDATE SET
  ended_at = excluded.ended_at,
  outcome = excluded.outcome,
  error = excluded.error,
  progress = excluded.progress,
  blocked_ms = excluded.blocked_ms,
  metrics = coalesce(excluded.metrics, stored.metrics),
  payload = coalesce(stored.payload, excluded.payload),
  payload_omitted = coalesce(stored.payload_omitted, excluded.payload_omitted),
  log = coalesce(excluded.log, stored.log),
  shards = coalesce(excluded.shards, stored.shards)
`;
