import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../../../test/support/control-plane-database.js';
import { CERTIFICATES, DEPLOYMENTS, DOMAINS, HEALTH_CHECKS, ROUTES } from './garbage.statements.js';

/** How PostgreSQL carries out what the passes ask, in tables of a size at which it minds. */
describe('the statements of the passes', () => {
  let database: ControlPlaneDatabase;

  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    const sql = (statement: string) => database.dataSource.query(statement);
    const old = `now() - interval '1 day'`;
    const n = `lpad(n::text, 26, '0')`;
    await sql(
      `INSERT INTO tenants (id, name) SELECT 'ten_' || ${n}, 't' || n FROM generate_series(1, 200) n`,
    );
    await sql(`
      INSERT INTO workloads (id, tenant_id, name, provider, spec, replicas)
      SELECT 'wkl_' || ${n}, 'ten_' || ${n}, 'w', 'process', '{}', 1 FROM generate_series(1, 2000) n`);
    await sql(`
      INSERT INTO deployments (id, tenant_id, workload_id, spec, spec_hash, previous_spec, state, created_at)
      SELECT 'dep_' || ${n}, 'ten_0', 'wkl_' || lpad((n % 2000)::text, 26, '0'), '{}', 'h', '{}', 'succeeded', ${old}
      FROM generate_series(1, 40000) n`);
    await sql(`
      INSERT INTO domains (id, tenant_id, hostname, token, verified_at, created_at)
      SELECT 'dom_' || ${n}, 'ten_' || ${n}, n || '.example', 't', now(), ${old} FROM generate_series(1, 20000) n`);
    await sql(`
      INSERT INTO certificates (id, tenant_id, domain_id, names, key_type, version, not_after, renewal, created_at)
      SELECT 'cert_' || ${n}, 'ten_0', 'dom_' || ${n}, ARRAY[n || '.example'], 'k', 1, now(), '{}', ${old}
      FROM generate_series(1, 20000) n`);
    await sql(`
      INSERT INTO routes (id, tenant_id, domain_id, path, workload_id, port, created_at)
      SELECT 'rte_' || ${n}, 'ten_0', 'dom_' || ${n}, '/', 'wkl_' || lpad((n % 2000)::text, 26, '0'), 80, ${old}
      FROM generate_series(1, 20000) n`);
    await sql(`
      INSERT INTO health_checks (id, tenant_id, instance_id, name, probe, interval_ms, timeout_ms, failure_threshold,
        success_threshold, initial_delay_ms, startup_grace_ms, on_unhealthy, max_restarts_per_hour, enabled, created_at)
      SELECT 'chk_' || ${n}, 'ten_0', 'inst_' || ${n}, 'c' || n, '{}', 1, 1, 1, 1, 0, 0, 'none', 0, true, ${old}
      FROM generate_series(1, 20000) n`);
    // As autovacuum does: before that no index can be read without its table.
    await sql('VACUUM (ANALYZE)');
  });
  afterAll(() => database.close());

  const planOf = async (statement: string, values: unknown[]): Promise<string> => {
    const rows = await database.dataSource.query<{ 'QUERY PLAN': string }[]>(`EXPLAIN ${statement}`, values);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  };

  it.each([
    ['domains', DOMAINS.lock],
    ['routes', ROUTES.delete],
    ['certificates', CERTIFICATES.delete],
    ['health checks', HEALTH_CHECKS.delete],
  ])('find what is removed of the %s by its index, and what it belongs to', async (_, statement) => {
    expect(await planOf(statement, ['x'])).not.toMatch(
      /Seq Scan on (domains|routes|certificates|health_checks|workloads|tenants) (?!t\b)/,
    );
  });

  it.each([
    ['found', () => planOf(CERTIFICATES.find, ['', 1_000, 900_000])],
    ['removed', () => planOf(CERTIFICATES.delete, ['x'])],
  ])('look for the hosts of a wildcard by an index, when it is %s', async (_, plan) => {
    expect(await plan()).toContain('domains_verified_parent_idx');
  });

  it('remove a deployment without reading those of other workloads', async () => {
    expect(await planOf(DEPLOYMENTS.delete, ['x', 20])).not.toMatch(/Seq Scan on (deployments|workloads)/);
  });

  it('count the deployments of each workload along the index', async () => {
    const plan = await planOf(DEPLOYMENTS.find, ['', 100, 900_000, 20]);
    expect(plan).toMatch(
      /GroupAggregate[^]*?Index Only Scan using deployments_workload_id_created_at_id_idx/,
    );
    expect(plan).not.toMatch(/Seq Scan on deployments/);
    // The default of `jit_above_cost`.
    expect(Number(/cost=[\d.]+\.\.([\d.]+)/.exec(plan)?.[1])).toBeLessThan(100_000);
  });

  it('find domains of deleted tenants from the deletions on', async () => {
    expect(await planOf(DOMAINS.find, ['', 1_000, 900_000])).not.toMatch(/Seq Scan on domains/);
  });

  it.each([
    ['routes', ROUTES.find],
    ['certificates', CERTIFICATES.find],
    ['health checks', HEALTH_CHECKS.find],
  ])('read the %s once, and what they belong to not row by row without an index', async (_, statement) => {
    const plan = await planOf(statement, ['', 1_000, 900_000]);
    // A nested loop over a table that is read whole each time takes the square of the rows.
    expect(plan).not.toMatch(/Nested Loop[^\n]*\n[^]*?Materialize\n[^\n]*Seq Scan/);
    expect(
      plan.match(
        /(Seq Scan|Index Scan|Index Only Scan|Bitmap Heap Scan)[^\n]* on (routes r|certificates c|health_checks c)\w*/g,
      ),
    ).toHaveLength(1);
  });
});
