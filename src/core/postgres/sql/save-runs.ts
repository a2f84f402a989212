/**
 * $1: runs as a JSON array, keys as the columns. One statement however many runs: a write for each would cost
 * one commit (fsync) a run, some 2,000 a second at best.
 */
export const saveRuns = (schema: string): string => `
INSERT INTO ${schema}.runs (
  id, worker, replica, trigger, slot, attempt, scheduled_at, started_at, ended_at, outcome, error, progress, blocked_ms
)
SELECT
  id, worker, replica, trigger, slot, attempt, scheduled_at, started_at, ended_at, outcome, error, progress, blocked_ms
FROM jsonb_to_recordset($1::jsonb) AS run (
  id uuid, worker text, replica uuid, trigger text, slot timestamptz, attempt int, scheduled_at timestamptz,
  started_at timestamptz, ended_at timestamptz, outcome text, error jsonb, progress jsonb, blocked_ms int
)
ON CONFLICT (id) DO UPDATE SET
  ended_at = excluded.ended_at,
  outcome = excluded.outcome,
  error = excluded.error,
  progress = excluded.progress,
  blocked_ms = excluded.blocked_ms
`;
