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

/**
 * The next instances of each tenant in $1, and which of them are orphans. $2: how many of each tenant.
 * $3: milliseconds that they must be old.
 *
 * `page` says where each tenant's part ends, `strangers` are the workloads that its instances name and that are
 * not among its own, `vanished` those of them that are nobody's.
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
    EXISTS (SELECT FROM instances i WHERE ${behind('until, until_id')}) AS has_more
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
)
SELECT
  (SELECT coalesce(jsonb_object_agg(tenant, visited) FILTER (WHERE visited > 0), '{}') FROM page) AS visited,
  (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'instanceId', i.id, 'tenantId', i.tenant_id, 'workloadId', i.workload_id,
      'protected', coalesce(i.labels ->> 'ctrlplane.gc' = 'protect', false)) ORDER BY i.created_at, i.id), '[]')
    FROM vanished JOIN instances i USING (workload_id)
    JOIN page ON ${AHEAD} AND (until IS NULL OR (i.created_at, i.id) <= (until, until_id))) AS orphans,
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
  i.id = $1 AND i.workload_id = $2
  AND i.labels ->> 'ctrlplane.gc' IS DISTINCT FROM 'protect'
  AND NOT EXISTS (SELECT FROM workloads w WHERE w.id = i.workload_id)`;

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
    WHERE m.tenant_id = i.tenant_id AND m.instance_id = i.id AND m.workload_id = i.workload_id)))`;
