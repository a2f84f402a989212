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

/**
 * The next instances of each tenant in $1, and which of them are orphans. $2: how many of each tenant.
 * $3: milliseconds that they must be old.
 *
 * Shaped by measurements on a million instances: `examined` reads nothing but the index, which includes the
 * workload id; the workload ids are made distinct before they are looked up, as an anti-join over the rows
 * themselves took twice as long; labels are read for what is left. Both are materialized to hold the planner to
 * it. One row more than wanted tells whether a tenant has more. `statement_timestamp()`, because the index
 * cannot be searched with the volatile `clock_timestamp()`, and nothing is waited for here.
 */
export const SWEEP = `
WITH examined AS MATERIALIZED (
  SELECT instance.* FROM unnest($1::text[]) AS tenant (id)
  LEFT JOIN gc_positions position ON position.tenant_id = tenant.id
  CROSS JOIN LATERAL (
    SELECT i.tenant_id, i.id, i.created_at, i.workload_id,
      row_number() OVER (ORDER BY i.created_at, i.id) AS nth
    FROM instances i
    WHERE i.tenant_id = tenant.id
      AND i.created_at < statement_timestamp() - make_interval(secs => $3::float8 / 1000)
      AND (i.created_at, i.id) > (coalesce(position.created_at, '-infinity'), coalesce(position.instance_id, ''))
    ORDER BY i.created_at, i.id
    LIMIT $2::int + 1
  ) AS instance
), vanished AS MATERIALIZED (
  SELECT named.workload_id
  FROM (SELECT DISTINCT workload_id FROM examined WHERE workload_id IS NOT NULL) AS named
  WHERE NOT EXISTS (SELECT FROM workloads w WHERE w.id = named.workload_id)
)
SELECT
  (SELECT count(*) FROM examined WHERE nth <= $2)::int AS visited,
  (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'instanceId', i.id, 'tenantId', i.tenant_id, 'workloadId', i.workload_id,
      'protected', coalesce(i.labels ->> 'ctrlplane.gc' = 'protect', false)) ORDER BY i.created_at, i.id), '[]')
    FROM vanished JOIN examined ON examined.workload_id = vanished.workload_id AND examined.nth <= $2
    JOIN instances i ON i.id = examined.id) AS orphans,
  (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'tenantId', last.tenant_id, 'createdAt', last.created_at, 'instanceId', last.id)), '[]')
    FROM examined last JOIN examined more ON more.tenant_id = last.tenant_id AND more.nth = $2 + 1
    WHERE last.nth = $2) AS positions`;

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

/** $1: instance. $2: the workload that its label named. */
export const IS_ORPHAN = `
SELECT EXISTS (
  SELECT FROM instances i
  WHERE i.id = $1 AND i.workload_id = $2
    AND i.labels ->> 'ctrlplane.gc' IS DISTINCT FROM 'protect'
    AND NOT EXISTS (SELECT FROM workloads w WHERE w.id = i.workload_id)
) AS orphan`;
