import { type Client } from 'pg';

/** How much there is of each kind, all spread evenly over the tenants, and how much of it is garbage. */
export interface PassSize {
  tenants: number;
  workloads: number;
  domains: number;
  routes: number;
  certificates: number;
  healthChecks: number;
  /** A multiple of `workloads`. */
  deployments: number;
  /** Of each kind but deployments, of which that many workloads have some too many. */
  garbage: number;
}

/** A well-formed TypeID in SQL, as in `fleet-rows.ts`, of things that were made one a second: in each statement the same. */
const id = (prefix: string, n: string): string =>
  `'${prefix}_' || lpad(to_hex((1790000000 + (${n})::bigint) * 1000), 12, '0')
    || substr(md5('${prefix}' || (${n})), 1, 14)`;

const OLD = `now() - interval '1 day'`;

/**
 * Fills the tables that the passes look at. The owners of garbage are not there, and their deletion is recorded. At last it
 * vacuums, as autovacuum has done in any database that lives.
 */
export async function makePassRows(client: Client, size: PassSize): Promise<void> {
  const { tenants, workloads, domains, routes, certificates, healthChecks, deployments, garbage } = size;
  const tenant = (n: string) => id('ten', `(${n}) % ${tenants}`);
  const series = (count: number) => `generate_series(0, ${count - 1}) n`;
  // Every so many-th is garbage.
  const isGarbage = (count: number) => `n % ${Math.floor(count / garbage)} = 0`;
  await client.query(`SET session_replication_role = replica`); // no record of what is made here
  await client.query(
    `INSERT INTO tenants (id, name, created_at) SELECT ${id('ten', 'n')}, 't' || n, ${OLD} FROM ${series(tenants)}`,
  );
  await client.query(`
    INSERT INTO workloads (id, tenant_id, name, provider, spec, replicas, spec_hash, created_at)
    SELECT ${id('wkl', 'n')}, ${tenant('n')}, 'web-' || n, 'process', '{}', 1, 'now', ${OLD} FROM ${series(workloads)}`);
  await client.query(`
    INSERT INTO instances (id, tenant_id, name, provider, labels, spec, created_at)
    SELECT ${id('inst', 'n')}, ${tenant('n')}, 'web-' || n, 'process', '{}', '{}', ${OLD} FROM ${series(healthChecks)}`);
  // Garbage is of tenants that were deleted, of whom there is nothing else.
  await client.query(`
    INSERT INTO domains (id, tenant_id, hostname, token, verified_at, created_at)
    SELECT ${id('dom', 'n')}, CASE WHEN ${isGarbage(domains)} THEN ${id('ten', `${tenants} + n`)} ELSE ${tenant('n')} END,
      'host-' || n || '.example', 't', ${OLD}, ${OLD} FROM ${series(domains)}`);
  await client.query(`
    INSERT INTO routes (id, tenant_id, domain_id, path, workload_id, port, created_at)
    SELECT ${id('rte', 'n')}, ${tenant('n')}, ${id('dom', `n % ${domains}`)}, '/' || n,
      CASE WHEN ${isGarbage(routes)} THEN ${id('wkl', `${workloads} + n`)} ELSE ${id('wkl', `n % ${workloads}`)} END, 80, ${OLD}
    FROM ${series(routes)}`);
  await client.query(`
    INSERT INTO certificates (id, tenant_id, domain_id, names, key_type, version, not_after, renewal, due_at, created_at)
    SELECT ${id('cert', 'n')}, ${tenant('n')},
      CASE WHEN ${isGarbage(certificates)} THEN ${id('dom', `${domains} + n`)} ELSE ${id('dom', `n % ${domains}`)} END,
      ARRAY[CASE WHEN ${isGarbage(certificates)} THEN 'gone-' ELSE 'host-' END || n || '.example'], 'ecdsa-p256', 1,
      now() + interval '60 days', '{}', now() + interval '30 days', ${OLD} FROM ${series(certificates)}`);
  await client.query(`
    INSERT INTO health_checks (id, tenant_id, instance_id, name, probe, interval_ms, timeout_ms, failure_threshold,
      success_threshold, initial_delay_ms, startup_grace_ms, on_unhealthy, max_restarts_per_hour, enabled, created_at)
    SELECT ${id('chk', 'n')}, ${tenant('n')},
      CASE WHEN ${isGarbage(healthChecks)} THEN ${id('inst', `${healthChecks} + n`)} ELSE ${id('inst', 'n')} END, 'c' || n,
      '{"type": "push"}', 1000, 1000, 1, 1, 0, 0, 'none', 0, true, ${OLD} FROM ${series(healthChecks)}`);
  await client.query(`
    INSERT INTO deployments (id, tenant_id, workload_id, spec, spec_hash, previous_spec, state, created_at)
    SELECT ${id('dep', 'n')}, ${tenant(`n % ${workloads}`)}, ${id('wkl', `n % ${workloads}`)},
      jsonb_build_object('command', n), 'hash-' || n, jsonb_build_object('command', n - ${workloads}), 'succeeded',
      ${OLD} + n * interval '1 millisecond'
    FROM generate_series(0, ${deployments + garbage - 1}) n`);
  await client.query(`
    INSERT INTO deletions (id, tenant_id, deleted_at)
    SELECT workload_id, tenant_id, ${OLD} FROM routes r WHERE NOT EXISTS (SELECT FROM workloads w WHERE w.id = workload_id)
    UNION ALL
    SELECT tenant_id, tenant_id, ${OLD} FROM domains WHERE NOT EXISTS (SELECT FROM tenants t WHERE t.id = tenant_id)
    UNION ALL
    SELECT instance_id, tenant_id, ${OLD} FROM health_checks
    WHERE NOT EXISTS (SELECT FROM instances i WHERE i.id = instance_id)`);
  await client.query(`SET session_replication_role = DEFAULT`);
  await client.query('VACUUM (ANALYZE)');
  await client.query('CHECKPOINT');
}
