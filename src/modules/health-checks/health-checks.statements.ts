import { HEALTH_CHECK_COLUMNS } from './health-check-row.js';

/** $1 id, $2 tenant, $3 instance or NULL, then `settingsValues`. */
export const INSERT_CHECK = `
INSERT INTO health_checks (id, tenant_id, instance_id, name, probe, interval_ms, timeout_ms,
  failure_threshold, success_threshold, initial_delay_ms, startup_grace_ms, on_unhealthy,
  max_restarts_per_hour, enabled)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING ${HEALTH_CHECK_COLUMNS}`;

/** $1 check, $2 initial delay, $3 interval, $4 lease, $5 whether it is enabled. Due in the first interval after the delay. */
export const INSERT_TURN = `
INSERT INTO health_check_turns (check_id, due_at, interval_ms, lease_ms, enabled, revision)
VALUES ($1, clock_timestamp() + ($2::int + random() * $3::int) * interval '1 millisecond', $3, $4, $5, 1)`;

/** $1 tenant, $2 id, $3 the revision that was seen, then `settingsValues`. */
export const UPDATE_CHECK = `
UPDATE health_checks SET name = $4, probe = $5, interval_ms = $6, timeout_ms = $7, failure_threshold = $8,
  success_threshold = $9, initial_delay_ms = $10, startup_grace_ms = $11, on_unhealthy = $12,
  max_restarts_per_hour = $13, enabled = $14, revision = revision + 1, updated_at = clock_timestamp()
WHERE tenant_id = $1 AND id = $2 AND revision = $3 RETURNING ${HEALTH_CHECK_COLUMNS}`;

/**
 * $1 check, $2 interval, $3 lease, $4 whether it is enabled, $5 revision.
 *
 * What was far off comes within the new interval; what is new again starts as such.
 */
export const UPDATE_TURN = `
UPDATE health_check_turns
SET interval_ms = $2, lease_ms = $3, revision = $5,
  due_at = least(due_at, clock_timestamp() + random() * $2::int * interval '1 millisecond'),
  state = CASE WHEN enabled AND $4 THEN state END,
  version = CASE WHEN enabled AND $4 THEN version ELSE version + 1 END, enabled = $4
WHERE check_id = $1`;
