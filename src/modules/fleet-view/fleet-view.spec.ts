import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { InstanceRows } from '../../../test/support/instance-rows.js';
import { spiedQueries } from '../../../test/support/query-plans.js';
import { systemClaims, withClaims } from '../auth/claims.js';
import { ForbiddenError, UnauthorizedError } from '../auth/auth.errors.js';
import { everyItem } from '../database/page.js';
import { parseHealthCheck } from '../health-checks/health-check-input.js';
import { PostgresHealthCheckRepository } from '../health-checks/postgres-health-check.repository.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { FleetView } from './fleet-view.js';

describe('FleetView', () => {
  let database: ControlPlaneDatabase;
  let rows: InstanceRows;
  let view: FleetView;
  let tenantId: TenantId;

  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    rows = new InstanceRows(database.dataSource);
    view = new FleetView(database.transactions);
  });
  afterAll(() => database.close());
  beforeEach(() => {
    tenantId = newId('tenant');
  });

  const sql = (text: string, values: unknown[]): Promise<unknown> => database.dataSource.query(text, values);
  const asOperator = <T>(work: () => Promise<T>): Promise<T> => withClaims(systemClaims('test'), work);
  const list = (query: Parameters<FleetView['list']>[0] = {}) =>
    asOperator(() => view.list({ tenantId, ...query }));

  it('names what an instance belongs to and where it answers, and shows nothing of its environment', async () => {
    const workloadId = await rows.addWorkload(tenantId);
    const datacenterId = newId('datacenter');
    await sql(`INSERT INTO datacenters (id, tenant_id, name) VALUES ($1, $2, 'main')`, [
      datacenterId,
      tenantId,
    ]);
    await sql(`UPDATE workloads SET name = 'web', datacenter_id = $2, spec_hash = 'new' WHERE id = $1`, [
      workloadId,
      datacenterId,
    ]);
    const id = await rows.addInstance({ tenantId, workloadId, age: 0 });
    await sql(
      `UPDATE instances SET spec = '{"command": ["true"], "env": {"KEY": "hunter2"}}', spec_hash = 'old', reason = 'exited',
       endpoints = '[{"name": "http", "host": "127.0.0.1", "port": 8080}, {"name": "grpc", "host": "127.0.0.1", "port": 9}]'
       WHERE id = $1`,
      [id],
    );
    const { items } = await list();
    expect(items).toMatchObject([
      {
        id,
        tenantId,
        datacenter: 'main',
        workload: 'web',
        state: 'running',
        reason: 'exited',
        outdated: true,
        addresses: 'http 127.0.0.1:8080, grpc 127.0.0.1:9',
      },
    ]);
    expect(items[0]).not.toHaveProperty('health');
    expect(JSON.stringify(items)).not.toContain('hunter2');
  });

  it('is as healthy as the worst check that is enabled, and starting before the first result', async () => {
    const instanceId = await rows.addInstance({ tenantId, age: 0 });
    const checks = new PostgresHealthCheckRepository(database.transactions);
    const probe = { type: 'tcp' as const, address: 'example.com:1' };
    const add = async (name: string, status?: string) => {
      const settings = parseHealthCheck(
        { name, probe, interval: '10s', timeout: '1s' },
        { hasInstance: true, checkers: [] },
      );
      const { id } = await checks.insert(tenantId, { ...settings, id: newId('healthCheck'), instanceId });
      if (status) await sql(`UPDATE health_check_turns SET state = $2 WHERE check_id = $1`, [id, { status }]);
    };
    const health = async () => (await list()).items[0]!.health;
    await add('new');
    expect(await health()).toBe('starting');
    await add('well', 'healthy');
    await add('ill', 'unhealthy');
    expect(await health()).toBe('unhealthy');
    await sql(`UPDATE health_checks SET enabled = false WHERE name = 'ill' AND instance_id = $1`, [
      instanceId,
    ]);
    expect(await health()).not.toBe('unhealthy');
  });

  it('shows an instance whose workload is gone, and one without any', async () => {
    const workloadId = await rows.addDeletedWorkload(tenantId);
    await rows.addInstance({ tenantId, workloadId, age: 0 });
    await rows.addInstance({ tenantId, age: 0 });
    const { items } = await list();
    expect(items.map(({ workload, outdated }) => [workload, outdated])).toEqual([
      [undefined, false],
      [undefined, false],
    ]);
  });

  it('comes in pages that miss none and repeat none, and can be narrowed', async () => {
    const workloadId = await rows.addWorkload(tenantId);
    const ids: string[] = [];
    for (let n = 0; n < 7; n++)
      ids.push(await rows.addInstance({ tenantId, age: 0, ...(n % 2 && { workloadId }) }));
    await sql(`UPDATE instances SET state = 'failed' WHERE id = $1`, [ids[3]]);
    const all: string[] = [];
    for await (const { id } of everyItem((after) => list({ limit: 2, after }))) all.push(id);
    expect(all).toEqual(ids.toSorted());
    const idsOf = async (query: Parameters<typeof list>[0]) => (await list(query)).items.map(({ id }) => id);
    expect(await idsOf({ workloadId })).toEqual([ids[1], ids[3], ids[5]].toSorted());
    expect(await idsOf({ state: 'failed' })).toEqual([ids[3]]);
  });

  it('shows a tenant its own instances alone', async () => {
    const own = await rows.addInstance({ tenantId, age: 0 });
    const other = newId('tenant');
    const foreign = await rows.addInstance({ tenantId: other, age: 0 });
    const claims = { subject: 'alice', tenantId, roles: [] };
    const seen = await withClaims(claims, () => view.list());
    expect(seen.items.map(({ id }) => id)).toEqual([own]);
    await expect(withClaims(claims, () => view.list({ tenantId: other }))).rejects.toThrow(ForbiddenError);
    await expect(withClaims({ subject: 'bob', roles: [] }, () => view.list())).rejects.toThrow(
      ForbiddenError,
    );
    await expect(view.list()).rejects.toThrow(UnauthorizedError);
    const everything = await asOperator(() => view.list({ limit: 1_000 }));
    expect(everything.items.map(({ id }) => id)).toEqual(expect.arrayContaining([own, foreign]));
  });

  it('shows of what has drifted why, and nothing of what is as it is to be', async () => {
    const add = () => rows.addInstance({ tenantId, age: 0 });
    const ids = [await add(), await add(), await add(), await add(), await add(), await add()];
    const changes = [
      `state = 'failed'`,
      `reason = 'exited'`,
      `requested_at = now()`,
      `restart_requested = true`,
      `attempts = 2`,
    ];
    for (const [n, change] of changes.entries())
      await sql(`UPDATE instances SET ${change} WHERE id = $1`, [ids[n]]);
    await sql(`UPDATE instances SET state = 'stopped', desired_state = 'stopped' WHERE id = $1`, [ids[5]]);
    const seen: string[] = [];
    for await (const { id } of everyItem((after) =>
      asOperator(() => view.drifted({ tenantId, limit: 2, after })),
    ))
      seen.push(id);
    expect(seen).toEqual(ids.slice(0, 5).toSorted());
  });

  it('finds one, and none of another tenant', async () => {
    const id = await rows.addInstance({ tenantId, age: 0 });
    expect(await asOperator(() => view.find(id))).toMatchObject({ id, state: 'running' });
    expect(await asOperator(() => view.find(newId('instance')))).toBeUndefined();
    const foreign = { subject: 'alice', tenantId: newId('tenant'), roles: [] };
    expect(await withClaims(foreign, () => view.find(id))).toBeUndefined();
    expect(await withClaims({ ...foreign, tenantId }, () => view.find(id))).toMatchObject({ id });
  });

  it('reads a page by an index, however many instances there are', async () => {
    await rows.addTenant(tenantId);
    await sql(
      `INSERT INTO instances (id, tenant_id, name, provider, state, labels, spec)
       SELECT 'inst_' || lpad(n::text, 26, '0'), $1, 'web', 'memory', 'running', '{}', '{}' FROM generate_series(1, 20000) n`,
      [tenantId],
    );
    await sql('ANALYZE instances', []);
    const spy = spiedQueries(database.dataSource);
    await asOperator(() => new FleetView(spy.transactions).list({ limit: 50 }));
    await asOperator(() => new FleetView(spy.transactions).drifted({ limit: 50 }));
    const [list, drifted] = await spy.plans();
    expect(list).toContain('instances_pkey');
    expect(drifted).toContain('instances_unsettled_idx');
    await sql(`DELETE FROM instances WHERE tenant_id = $1`, [tenantId]);
  });
});
