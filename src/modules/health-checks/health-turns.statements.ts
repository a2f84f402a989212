import { LATE_RESULT } from './health-check.repository.js';

/** `q`, in the words of `DueQueue`: as many intervals on as lie beyond the horizon, and no longer than the lease. */
export const NEXT_TURN = `least(
  q.due_at + q.interval_ms * interval '1 millisecond'
    * greatest(1, floor(extract(epoch FROM clock.until - q.due_at) * 1000 / q.interval_ms) + 1),
  greatest(q.due_at, clock.now) + q.lease_ms * interval '1 millisecond')`;

/** $1: milliseconds. What is overdue by more than that. */
export const SPREAD_OVERDUE = `
UPDATE health_check_turns
SET due_at = clock_timestamp() + random() * least(interval_ms, 60000) * interval '1 millisecond'
WHERE check_id IN (
  SELECT check_id FROM health_check_turns
  WHERE enabled AND due_at < (SELECT clock_timestamp()) - $1::float8 * interval '1 millisecond'
  FOR UPDATE SKIP LOCKED)
RETURNING 1`;

/** $1 checks, $2 their revisions. Those that are of another one now, or gone. */
export const CHANGED = `
SELECT c.id FROM unnest($1::text[], $2::int[]) AS c (id, revision)
LEFT JOIN health_check_turns t ON t.check_id = c.id
WHERE t.revision IS DISTINCT FROM c.revision`;

/** $1 checks, $2 versions, $3 leases, $4 states, $5 revisions. Rows are locked in the order of their keys, as everywhere. */
export const STORE_STATES = `
UPDATE health_check_turns t SET state = u.state, version = t.version + 1
FROM (
  SELECT t.check_id, u.state
  FROM unnest($1::text[], $2::int[], $3::timestamptz[], $4::jsonb[], $5::int[])
    AS u (check_id, version, lease, state, revision)
  JOIN health_check_turns t ON t.check_id = u.check_id AND t.version = u.version AND t.revision = u.revision
  WHERE clock_timestamp() < u.lease + ${LATE_RESULT} * interval '1 millisecond'
  ORDER BY t.check_id FOR UPDATE OF t
) AS u
WHERE t.check_id = u.check_id
RETURNING t.check_id`;

/** $1: tenant. $2: check. $3: outcome. $4: message. */
export const PUSH = `
UPDATE health_check_turns t
SET pushed_at = clock_timestamp(), push_outcome = $3, push_message = $4
FROM health_checks c
WHERE c.id = t.check_id AND c.tenant_id = $1 AND c.id = $2 RETURNING 1`;

/** What is stored has whole milliseconds, rounded: it may lie half of one ahead. */
const since = (column: string): string =>
  `greatest(0, extract(epoch FROM clock_timestamp() - ${column}) * 1000)::float8`;

/** $1: check. */
export const PUSH_STATE = `
SELECT push_outcome AS outcome, push_message AS message,
  CASE WHEN pushed_at IS NOT NULL THEN ${since('pushed_at')} END AS age, ${since('c.updated_at')} AS waiting
FROM health_check_turns JOIN health_checks c ON c.id = check_id WHERE check_id = $1`;
