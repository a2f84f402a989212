import { IS_UNPROTECTED, TENANT_IS_GONE, WORKLOAD_IS_GONE } from '../../brakes/orphan-condition.js';

/**
 * The tenants that have instances. $1: the last one of the page before. $2: how many.
 *
 * A loose index scan, one probe for each tenant: DISTINCT would read every row.
 */
export const TENANTS_WITH_INSTANCES = `
WITH RECURSIVE tenant AS (
  (SELECT tenant_id FROM instances WHERE tenant_id > $1 ORDER BY tenant_id LIMIT 1)
  UNION ALL
  SELECT (SELECT tenant_id FROM instances i WHERE i.tenant_id > tenant.tenant_id ORDER BY tenant_id LIMIT 1)
  FROM tenant WHERE tenant_id IS NOT NULL
)
SELECT tenant_id FROM tenant WHERE tenant_id IS NOT NULL LIMIT $2`;

/** What a sweep of a tenant has before it behind that place, in the words of `start` below. */
const behind = (place: string): string =>
  `i.tenant_id = tenant AND i.created_at < cutoff AND (i.created_at, i.id) > (${place})`;
const AHEAD = behind('since, since_id');
const NOT_BEYOND = `(until IS NULL OR (i.created_at, i.id) <= (until, until_id))`;

/**
 * The next instances of each tenant in $1, and which of them are orphans. $2: how many of each tenant.
 * $3: milliseconds that they must be old.
 *
 * `page` says where each tenant's part ends, `strangers` are the workloads that its instances name and that are
 * not among its own, `vanished` those of them that are nobody's. Of a tenant that is gone itself every instance is looked at.
 *
 * Shaped by measurements on a million instances. Of every instance only the index is read, which includes the
 * workload id, and nothing is kept: stepping over the instances to find the end and then reading them again
 * takes half as long as materializing them with a `row_number()`. A tenant's own workloads come by one short
 * scan (as many as its instances at most, so that a page stays bounded), which leaves next to nothing to be
 * looked up one by one; that took half of the whole. Rows and their labels are read for orphans alone. All is
 * MATERIALIZED to hold the planner to it.
 *
 * `statement_timestamp()`, because the index cannot be searched with the volatile `clock_timestamp()`, and
 * nothing is waited for here.
 */
export const SWEEP = `
WITH start AS (
  SELECT requested.tenant, statement_timestamp() - make_interval(secs => $3::float8 / 1000) AS cutoff,
    coalesce(position.created_at, '-infinity') AS since, coalesce(position.instance_id, '') AS since_id
  FROM unnest($1::text[]) AS requested (tenant)
  LEFT JOIN gc_positions position ON position.tenant_id = requested.tenant
), page AS MATERIALIZED (
  SELECT start.*, until, until_id,
    CASE WHEN until IS NULL THEN (SELECT count(*) FROM instances i WHERE ${AHEAD}) ELSE $2::int END AS visited,
    EXISTS (SELECT FROM instances i WHERE ${behind('until, until_id')}) AS has_more,
    NOT EXISTS (SELECT FROM tenants t WHERE t.id = tenant) AS tenant_gone
  FROM start LEFT JOIN LATERAL (
    SELECT i.created_at AS until, i.id AS until_id FROM instances i WHERE ${AHEAD}
    ORDER BY i.created_at, i.id OFFSET $2::int - 1 LIMIT 1
  ) AS last ON true
), strangers AS MATERIALIZED (
  SELECT instance.workload_id FROM page CROSS JOIN LATERAL (
    SELECT i.workload_id FROM instances i WHERE ${AHEAD} ORDER BY i.created_at, i.id LIMIT $2::int
  ) AS instance
  EXCEPT
  SELECT workload.id FROM page CROSS JOIN LATERAL (
    SELECT w.id FROM workloads w WHERE w.tenant_id = tenant ORDER BY w.created_at, w.id LIMIT $2::int
  ) AS workload
), vanished AS MATERIALIZED (
  SELECT workload_id FROM strangers
  WHERE workload_id IS NOT NULL AND NOT EXISTS (SELECT FROM workloads w WHERE w.id = strangers.workload_id)
), orphan AS MATERIALIZED (
  SELECT i.id, CASE WHEN EXISTS (SELECT FROM deletions d WHERE d.id = workload_id)
    THEN 'deleted_workload' ELSE 'lost_workload' END AS cause
  FROM vanished JOIN instances i USING (workload_id)
  JOIN page ON NOT tenant_gone AND ${AHEAD} AND ${NOT_BEYOND}
  UNION ALL
  SELECT i.id, 'lost_tenant' FROM page
  JOIN instances i ON tenant_gone AND ${AHEAD} AND ${NOT_BEYOND} AND ${TENANT_IS_GONE}
)
SELECT
  (SELECT coalesce(jsonb_object_agg(tenant, visited) FILTER (WHERE visited > 0), '{}') FROM page) AS visited,
  (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'instanceId', i.id, 'tenantId', i.tenant_id, 'workloadId', coalesce(i.workload_id, ''), 'cause', cause,
      'protected', NOT (${IS_UNPROTECTED})) ORDER BY i.created_at, i.id), '[]')
    FROM orphan JOIN instances i USING (id)) AS orphans,
  (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'tenantId', tenant, 'createdAt', until, 'instanceId', until_id)), '[]')
    FROM page WHERE has_more) AS positions`;

/** $1: tenants. $2: positions as JSON; a tenant without one loses the one that it had. */
export const STORE_POSITIONS = `
WITH position AS (
  SELECT * FROM jsonb_to_recordset($2::jsonb) AS p ("tenantId" text, "createdAt" timestamptz, "instanceId" text)
), ended AS (
  DELETE FROM gc_positions
  WHERE tenant_id = ANY ($1) AND tenant_id NOT IN (SELECT "tenantId" FROM position)
)
INSERT INTO gc_positions (tenant_id, created_at, instance_id)
SELECT "tenantId", "createdAt", "instanceId" FROM position
ON CONFLICT (tenant_id) DO UPDATE SET created_at = excluded.created_at, instance_id = excluded.instance_id`;

const IS_STILL_ORPHAN = `
  i.id = $1 AND coalesce(i.workload_id, '') = $2 AND ${IS_UNPROTECTED} AND (${WORKLOAD_IS_GONE} OR ${TENANT_IS_GONE})`;

/** $1: instance. $2: the workload that its label named. */
export const IS_ORPHAN = `SELECT EXISTS (SELECT FROM instances i WHERE ${IS_STILL_ORPHAN}) AS orphan`;

/** $1: instance. */
export const LOCK_INSTANCE = 'SELECT FROM instances WHERE id = $1 FOR UPDATE';

/**
 * $1: instance. $2: the workload that its label named.
 *
 * To be sent once `LOCK_INSTANCE` has the row. An UPDATE that waits for a row reads that row anew when it gets it, and
 * everything else as it was when the statement began: it missed a workload that came back in the meantime.
 */
export const CLAIM = `
UPDATE instances i SET state = 'destroying', updated_at = clock_timestamp()
WHERE ${IS_STILL_ORPHAN} AND NOT EXISTS (
  SELECT FROM gc_brakes b WHERE b.tenant_id = i.tenant_id AND (b.state <> 'confirmed' OR NOT EXISTS (
    SELECT FROM gc_braked_instances m
    WHERE m.tenant_id = i.tenant_id AND m.instance_id = i.id AND m.workload_id = coalesce(i.workload_id, ''))))`;

/** $1: tenant. */
export const RECORD_LOST_TENANT = `
INSERT INTO deletions (id, tenant_id) SELECT $1::text, $1::text WHERE NOT EXISTS (SELECT FROM tenants WHERE id = $1)
ON CONFLICT DO NOTHING`;

/** $1: tenant. Marked before they go: so they are recorded as deleted, however many they are. */
export const MARK_WORKLOADS = `
UPDATE workloads w SET deletion_reason = 'tenant_deleted'
WHERE w.tenant_id = $1 AND NOT EXISTS (SELECT FROM tenants WHERE id = $1)
  AND NOT EXISTS (
    SELECT FROM gc_brakes b JOIN instances i ON i.tenant_id = b.tenant_id AND i.workload_id = w.id
    WHERE b.tenant_id = $1 AND (b.state <> 'confirmed' OR NOT EXISTS (
      SELECT FROM gc_braked_instances m
      WHERE m.tenant_id = $1 AND m.instance_id = i.id AND m.workload_id = i.workload_id)))`;

/** $1: tenant. */
export const DELETE_WORKLOADS = `
DELETE FROM workloads
WHERE tenant_id = $1 AND deletion_reason = 'tenant_deleted' AND NOT EXISTS (SELECT FROM tenants WHERE id = $1)
RETURNING id`;

const IS_EMPTY_DELETED_TENANT = `
  d.id = d.tenant_id
  AND NOT EXISTS (SELECT FROM tenants t WHERE t.id = d.id)
  AND NOT EXISTS (SELECT FROM instances i WHERE i.tenant_id = d.id)
  AND NOT EXISTS (SELECT FROM rowless_instances r WHERE r.tenant_id = d.id)
  AND (EXISTS (SELECT FROM datacenters c WHERE c.tenant_id = d.id)
    OR EXISTS (SELECT FROM workloads w WHERE w.tenant_id = d.id))`;

/** $1: milliseconds. */
export const EMPTY_DELETED_TENANTS = `
SELECT d.id FROM deletions d
WHERE d.deleted_at < clock_timestamp() - make_interval(secs => $1::float8 / 1000) AND ${IS_EMPTY_DELETED_TENANT}`;

/**
 * $1: tenant. Locks the record of its deletion. A trigger removes that record when the tenant's row comes back: so whoever
 * restores the tenant waits for the lock, and one that came back while this waited has no record to lock.
 */
export const HOLD_EMPTY_DELETED_TENANT = `
SELECT d.id FROM deletions d WHERE d.id = $1 AND ${IS_EMPTY_DELETED_TENANT} FOR UPDATE`;

/** $1: milliseconds. */
export const FORGET_DELETIONS = `
DELETE FROM deletions x WHERE deleted_at < clock_timestamp() - make_interval(secs => $1::float8 / 1000)
  AND NOT EXISTS (SELECT FROM domains d WHERE d.tenant_id = x.id)`;
