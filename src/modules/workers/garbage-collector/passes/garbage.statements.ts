/** `statement_timestamp()`: the volatile `clock_timestamp()` would be read for each row, and no index could serve it. */
export const isOlder = (column: string, parameter: string): string =>
  `${column} < statement_timestamp() - make_interval(secs => ${parameter}::float8 / 1000)`;

/** Whether that id is recorded as deleted. */
export const isRecorded = (id: string): string => `EXISTS (SELECT FROM deletions x WHERE x.id = ${id})`;

const totalsOf = (table: string): string => `
SELECT tenant_id AS "tenantId", count(*)::int AS total FROM ${table} WHERE tenant_id = ANY ($1::text[]) GROUP BY 1`;

/**
 * Domains of tenants that were deleted. One whose tenant is lost stays: it would go with its certificates and their keys,
 * which no backup of the rows brings back.
 */
export const DOMAINS = {
  find: `
SELECT d.id AS key, d.tenant_id AS "tenantId", 'deleted' AS cause FROM deletions gone
JOIN domains d ON d.tenant_id = gone.id
WHERE gone.id = gone.tenant_id AND ${isOlder('gone.deleted_at', '$3')} AND d.id > $1
  AND NOT EXISTS (SELECT FROM tenants t WHERE t.id = gone.id)
ORDER BY d.id LIMIT $2`,
  totals: totalsOf('domains'),
  /**
   * $1: id. The record of the tenant's deletion is locked too: a trigger removes it when the tenant's row comes back, so whoever
   * restores the tenant waits.
   */
  lock: `
SELECT d.id, d.tenant_id AS "tenantId", d.hostname FROM domains d JOIN deletions gone ON gone.id = d.tenant_id
WHERE d.id = $1 AND NOT EXISTS (SELECT FROM tenants t WHERE t.id = d.tenant_id)
FOR UPDATE OF d FOR SHARE OF gone`,
  /** $1: domain. */
  deleteRoutes: 'DELETE FROM routes WHERE domain_id = $1',
  /** $1: domain. */
  deleteCertificates: 'DELETE FROM certificates WHERE domain_id = $1 RETURNING id, names',
  /** $1: id. */
  delete: 'DELETE FROM domains WHERE id = $1',
};

const WORKLOAD_IS_GONE = 'NOT EXISTS (SELECT FROM workloads w WHERE w.id = r.workload_id)';
const DOMAIN_IS_GONE = 'NOT EXISTS (SELECT FROM domains d WHERE d.id = r.domain_id)';

export const ROUTES = {
  find: `
SELECT r.id AS key, r.tenant_id AS "tenantId",
  CASE WHEN ${isRecorded('r.tenant_id')} THEN 'deleted' WHEN ${DOMAIN_IS_GONE} THEN 'lost'
    WHEN ${isRecorded('r.workload_id')} THEN 'deleted' ELSE 'lost' END AS cause
FROM routes r
WHERE r.id > $1 AND ${isOlder('r.created_at', '$3')} AND (${WORKLOAD_IS_GONE} OR ${DOMAIN_IS_GONE})
ORDER BY r.id LIMIT $2`,
  totals: totalsOf('routes'),
  /** $1: id. */
  delete: `DELETE FROM routes r WHERE id = $1 AND (${WORKLOAD_IS_GONE} OR ${DOMAIN_IS_GONE})`,
};

/** The names of certificate `c` and all that they are below: hosts that it can be served for, but for wildcards. */
const HOSTS = `
SELECT array_to_string((string_to_array(name, '.'))[part:], '.')
FROM unnest(c.names) AS name, generate_series(1, array_length(string_to_array(name, '.'), 1)) AS part`;

/** What the wildcards of certificate `c` stand before, dot included: a host is covered when its name goes on so after its first part. */
const WILDCARD_PARENTS = `SELECT substr(name, 2) FROM unnest(c.names) AS name WHERE name LIKE '*.%'`;

/**
 * Whether certificate `c` may be what is served now: it was issued, somebody has proven a host that it covers, and no other
 * certificate of a domain covers all of its names.
 */
const IS_SERVED = `(c.version IS NOT NULL AND (
    EXISTS (SELECT FROM domains d WHERE d.verified_at IS NOT NULL AND d.hostname IN (${HOSTS}))
    OR EXISTS (SELECT FROM domains d WHERE d.verified_at IS NOT NULL
      AND substring(d.hostname FROM position('.' IN d.hostname)) = ANY (ARRAY(${WILDCARD_PARENTS}))))
  AND NOT EXISTS (
    SELECT FROM certificates o JOIN domains d ON d.id = o.domain_id
    WHERE o.id <> c.id AND o.not_after > statement_timestamp() AND o.names @> c.names))`;

const CERTIFICATE_IS_ORPHAN = `
  NOT EXISTS (SELECT FROM domains d WHERE d.id = c.domain_id)
  AND NOT (c.ordering AND c.due_at > statement_timestamp())`;

export const CERTIFICATES = {
  /** MATERIALIZED: else the planner asks of every certificate whether it is served, before it looks for its domain. */
  find: `
WITH orphan AS MATERIALIZED (
  SELECT id, tenant_id, names, version FROM certificates c
  WHERE c.id > $1 AND ${isOlder('c.created_at', '$3')} AND ${CERTIFICATE_IS_ORPHAN}
)
SELECT c.id AS key, c.tenant_id AS "tenantId",
  CASE WHEN ${isRecorded('c.tenant_id')} THEN 'deleted' ELSE 'lost' END AS cause
FROM orphan c WHERE NOT ${IS_SERVED}
ORDER BY c.id LIMIT $2`,
  totals: totalsOf('certificates'),
  /** $1: id. The versions go with it, and their keys. */
  delete: `
DELETE FROM certificates c WHERE id = $1 AND ${CERTIFICATE_IS_ORPHAN} AND NOT ${IS_SERVED}
RETURNING id, tenant_id AS "tenantId", domain_id AS "domainId", names`,
};

/** What the health runner, which sweeps every hour, has had time for twice. */
const LEFT_TO_OTHERS = `interval '2 hours'`;

const CHECK_IS_GARBAGE = `
  c.instance_id IS NOT NULL AND NOT EXISTS (SELECT FROM instances i WHERE i.id = c.instance_id)
  AND NOT EXISTS (SELECT FROM rowless_instances r WHERE r.tenant_id = c.tenant_id AND r.instance_id = c.instance_id)
  AND NOT EXISTS (
    SELECT FROM deletions x WHERE x.id = c.instance_id AND x.deleted_at > statement_timestamp() - ${LEFT_TO_OTHERS})`;

export const HEALTH_CHECKS = {
  find: `
SELECT c.id AS key, c.tenant_id AS "tenantId",
  CASE WHEN ${isRecorded('c.instance_id')} OR ${isRecorded('c.tenant_id')} THEN 'deleted' ELSE 'lost' END AS cause
FROM health_checks c
WHERE c.id > $1 AND ${isOlder('c.created_at', '$3')} AND ${CHECK_IS_GARBAGE}
ORDER BY c.id LIMIT $2`,
  totals: totalsOf('health_checks'),
  /** $1: id. */
  delete: `DELETE FROM health_checks c WHERE id = $1 AND ${CHECK_IS_GARBAGE}`,
};

/** Empty where there is none: NULL in a list would make it neither needed nor not. */
const newestOf = (condition: string): string => `coalesce((
    SELECT s.id FROM deployments s WHERE s.workload_id = d.workload_id AND ${condition}
    ORDER BY s.created_at DESC, s.id DESC LIMIT 1), '')`;

/**
 * Whether deployment `d` is one that is returned to, or is looked at, however old it is: the last one that succeeded, the last
 * one of the spec that the workload has, and the last one of the spec that a rollback returns to.
 */
const IS_NEEDED = `(
  d.state = 'rolling' OR d.id IN (
    ${newestOf(`s.state = 'succeeded'`)},
    ${newestOf('s.spec_hash = (SELECT w.spec_hash FROM workloads w WHERE w.id = d.workload_id)')},
    ${newestOf(`s.spec = (
      SELECT l.previous_spec FROM deployments l WHERE l.workload_id = d.workload_id
      ORDER BY l.created_at DESC, l.id DESC LIMIT 1)`)}))`;

export const DEPLOYMENTS = {
  /**
   * $1: the last workload of the page before. $2: how many workloads. $3: milliseconds. $4: how many deployments of each
   * stay. Gives the garbage, of one workload a thousand at most (the next run gives the rest), and as `next` the $1 of the
   * next page, NULL after the last one.
   *
   * Counts along the index alone which workloads have too many, or are gone; rows are read of these only. A probe of the
   * index for each workload took eight times as long.
   */
  find: `
WITH page AS MATERIALIZED (
  SELECT n.workload_id, w.id IS NOT NULL AS exists FROM (
    SELECT workload_id, count(*) AS total FROM deployments WHERE workload_id > $1 GROUP BY workload_id
  ) AS n LEFT JOIN workloads w ON w.id = n.workload_id
  WHERE w.id IS NULL OR n.total > $4::int
  ORDER BY n.workload_id LIMIT $2
), behind AS MATERIALIZED (
  SELECT d.id, d.tenant_id, d.workload_id, page.exists FROM page CROSS JOIN LATERAL (
    SELECT * FROM deployments d WHERE d.workload_id = page.workload_id
    ORDER BY d.created_at DESC, d.id DESC OFFSET CASE WHEN page.exists THEN $4::int ELSE 0 END LIMIT 1000
  ) AS d
  WHERE ${isOlder('d.created_at', '$3')} AND (NOT page.exists OR NOT ${IS_NEEDED})
)
SELECT (SELECT CASE WHEN count(*) = $2 THEN max(workload_id) END FROM page) AS next,
  (SELECT coalesce(jsonb_agg(jsonb_build_object('key', b.id, 'tenantId', b.tenant_id, 'cause',
      CASE WHEN b.exists THEN 'expired' WHEN ${isRecorded('b.workload_id')} OR ${isRecorded('b.tenant_id')} THEN 'deleted'
      ELSE 'lost' END) ORDER BY b.id), '[]')
    FROM behind b) AS items`,
  /** $1: id. $2: how many stay. */
  delete: `
DELETE FROM deployments d WHERE id = $1 AND (
  NOT EXISTS (SELECT FROM workloads w WHERE w.id = d.workload_id)
  OR NOT ${IS_NEEDED} AND (
    SELECT count(*) FROM (SELECT FROM deployments n
      WHERE n.workload_id = d.workload_id AND (n.created_at, n.id) > (d.created_at, d.id) LIMIT $2::int) AS newer) = $2::int)`,
};
