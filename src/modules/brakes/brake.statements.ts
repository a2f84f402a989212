import { IS_UNPROTECTED, TENANT_IS_GONE, WORKLOAD_IS_GONE } from './orphan-condition.js';

const IS_OLD = `i.created_at < statement_timestamp() - make_interval(secs => $2::float8 / 1000)`;

/**
 * What is orphaned in tenant $1, among instances older than $2 milliseconds. Protected ones count where a share is
 * asked for, and are in no set. The form of the id is that of `isId('workload', …)`.
 */
const ORPHANED = `
  i.tenant_id = $1 AND ${IS_OLD}
  AND (i.workload_id ~ '^wkl_[0-7][0-9a-hjkmnp-tv-z]{25}$' AND ${WORKLOAD_IS_GONE} OR ${TENANT_IS_GONE})`;

/**
 * The set of tenant $1: what is orphaned and not protected, and what stores hold without a row. A store that no
 * replica has listed for an hour counts as gone.
 */
const SET = `
SELECT i.id AS instance_id, coalesce(i.workload_id, '') AS workload_id FROM instances i
WHERE ${ORPHANED} AND ${IS_UNPROTECTED}
UNION
SELECT r.instance_id, r.workload_id FROM rowless_instances r
WHERE r.tenant_id = $1 AND r.seen_at > statement_timestamp() - interval '1 hour'
  AND NOT EXISTS (SELECT FROM instances i WHERE i.id = r.instance_id)`;

const BRAKE = `
  tenant_id, state, cause, set_digest, orphans, examined, engaged_at, seen_since, last_seen_at, decided_by`;

/** $1: tenant. $2: milliseconds. */
export const SHARE = `
SELECT
  (SELECT count(*) FROM instances i WHERE i.tenant_id = $1 AND ${IS_OLD})::int AS examined,
  (SELECT count(*) FROM instances i WHERE ${ORPHANED})::int AS orphaned`;

export const HAS_WORKLOADS = 'SELECT EXISTS (SELECT FROM workloads) AS any';

/** $1: the last tenant of the page before. $2: how many. */
export const LIST_BRAKES = `SELECT ${BRAKE} FROM gc_brakes WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2`;

/** $1: tenant. */
export const FIND_BRAKE = `SELECT ${BRAKE} FROM gc_brakes WHERE tenant_id = $1`;
export const LOCK_BRAKE = `${FIND_BRAKE} FOR UPDATE`;

/** $1: tenant. $2: the last instance of the page before. $3: how many. */
export const LIST_BRAKED = `
SELECT instance_id, workload_id FROM gc_braked_instances
WHERE tenant_id = $1 AND instance_id > $2 ORDER BY instance_id LIMIT $3`;

/** $1: tenant. $2: cause. Gives nothing when there is one. The set is filled in by the next statements. */
export const INSERT_BRAKE = `
INSERT INTO gc_brakes (tenant_id, cause) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING tenant_id`;

/** $1: tenant. $2: milliseconds. Removes what is no longer orphaned. */
export const DROP_FROM_SET = `
DELETE FROM gc_braked_instances m
WHERE m.tenant_id = $1 AND (m.instance_id, m.workload_id) NOT IN (${SET})`;

/** $1: tenant. $2: milliseconds. */
export const ADD_TO_SET = `
INSERT INTO gc_braked_instances (tenant_id, instance_id, workload_id)
SELECT $1, instance_id, workload_id FROM (${SET}) AS present
ON CONFLICT DO NOTHING`;

/**
 * $1: tenant. $2: milliseconds for which the set must have been the same. Stores what the set is now; another one
 * begins anew. Gives nothing when the set is empty.
 *
 * Old values on the right-hand sides: `set_digest` there is still that of the look before.
 */
export const STORE_SET = `
WITH seen AS (
  SELECT md5(string_agg(instance_id || ' ' || workload_id, ',' ORDER BY instance_id)) AS digest,
    count(*)::int AS orphans
  FROM gc_braked_instances WHERE tenant_id = $1
)
UPDATE gc_brakes b SET
  set_digest = seen.digest,
  orphans = seen.orphans,
  examined = (SELECT count(*) FROM instances i WHERE i.tenant_id = $1
      AND i.created_at < statement_timestamp() - make_interval(secs => $3::float8 / 1000))
    + (SELECT count(*) FROM gc_braked_instances m
      WHERE m.tenant_id = $1 AND NOT EXISTS (SELECT FROM instances i WHERE i.id = m.instance_id)),
  last_seen_at = clock_timestamp(),
  seen_since = CASE WHEN b.set_digest = seen.digest THEN b.seen_since ELSE clock_timestamp() END,
  state = CASE WHEN b.state = 'engaged' AND b.cause <> 'unknown_tenant' AND b.set_digest = seen.digest
      AND b.seen_since <= clock_timestamp() - make_interval(secs => $2::float8 / 1000)
    THEN 'confirmed' ELSE b.state END
FROM seen WHERE b.tenant_id = $1 AND seen.orphans > 0
RETURNING b.*`;

/** $1: tenant. The set goes with it. */
export const DELETE_BRAKE = 'DELETE FROM gc_brakes WHERE tenant_id = $1';

/** $1: tenant. $2: the set that was shown. $3: state. $4: who. */
export const DECIDE = `
UPDATE gc_brakes SET state = $3, decided_by = $4
WHERE tenant_id = $1 AND set_digest = $2
RETURNING ${BRAKE}`;

const GIVEN = (parameter: string) => `
  SELECT * FROM jsonb_to_recordset(${parameter}::jsonb) AS g ("tenantId" text, "instanceId" text, "workloadId" text)`;

/** $1: store. $2: all that it holds without a row, as JSON. */
export const NOTE_ROWLESS = `
WITH given AS (${GIVEN('$2')}), gone AS (
  DELETE FROM rowless_instances r
  WHERE r.store = $1 AND (r.tenant_id, r.instance_id) NOT IN (SELECT "tenantId", "instanceId" FROM given)
)
INSERT INTO rowless_instances (store, tenant_id, instance_id, workload_id)
SELECT $1, "tenantId", "instanceId", "workloadId" FROM given
ON CONFLICT (tenant_id, store, instance_id) DO UPDATE
SET seen_at = excluded.seen_at, workload_id = excluded.workload_id`;

/** $1: store. */
export const NOTED_TENANTS = 'SELECT DISTINCT tenant_id AS id FROM rowless_instances WHERE store = $1';

/** $1: instances, as JSON. */
export const VERDICTS = `
SELECT g."instanceId" AS id,
  CASE WHEN b.state = 'confirmed' AND m.instance_id IS NOT NULL THEN 'confirmed' ELSE 'held' END AS verdict
FROM (${GIVEN('$1')}) g
JOIN gc_brakes b ON b.tenant_id = g."tenantId"
LEFT JOIN gc_braked_instances m
  ON m.tenant_id = g."tenantId" AND m.instance_id = g."instanceId" AND m.workload_id = g."workloadId"`;

/** $1: tenants. */
export const UNKNOWN_TENANTS = `
SELECT id FROM unnest($1::text[]) AS asked (id)
WHERE NOT EXISTS (SELECT FROM tenants t WHERE t.id = asked.id)
  AND NOT EXISTS (SELECT FROM deletions d WHERE d.id = asked.id)
  AND NOT EXISTS (SELECT FROM instances i WHERE i.tenant_id = asked.id)`;
