import { type INestApplication } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { eventually } from '../../../../test/support/eventually.js';
import { InMemoryProvider } from '../../../../test/support/in-memory-provider.js';
import { type Replica, startReplica } from '../../../../test/support/reconciler.js';
import { HttpAccessModule } from '../../../core/http/http-access.module.js';
import { ForbiddenError, UnauthorizedError } from '../../auth/auth.errors.js';
import { withClaims } from '../../auth/claims.js';
import { newId, type TenantId } from '../../ids/typed-id.js';
import { type Workload } from '../../workloads/workload.js';
import { ReconcilerHttpModule } from './reconciler-http.module.js';
import { ReconcilerPreview } from './reconciler-preview.js';
import { ReconcilerStatus } from './reconciler-status.js';

const TOKEN = 'token-of-the-preview-spec';

describe('what the reconciler would do, and has done', () => {
  let database: { url: string; drop(): Promise<void> };
  let provider: InMemoryProvider;
  let replica: Replica;
  let server: INestApplication;
  let tenantId: TenantId;
  let workload: Workload;

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    provider = new InMemoryProvider();
    replica = await startReplica(
      database.url,
      [provider],
      {},
      { imports: [HttpAccessModule.forRoot({ token: TOKEN, openReads: true }), ReconcilerHttpModule] },
    );
    await replica.run('instance_drift');
    await replica.run('reconciler');
    ({ id: tenantId } = await asSystem(() => replica.tenants.create({ name: 'acme' })));
    workload = await asSystem(() =>
      replica.workloads.create(tenantId, {
        name: 'web',
        provider: 'memory',
        spec: { command: ['true'] },
        replicas: 2,
        rollout: { minReady: 0 },
      }),
    );
    server = replica.app.createNestApplication();
    await server.listen(0, '127.0.0.1');
  });
  afterEach(async () => {
    await server.close();
    await replica.stop();
    await database.drop();
  });

  const plan = () => asSystem(() => replica.find(ReconcilerPreview).plan());
  const status = () => replica.find(ReconcilerStatus);
  const get = async (path: string) => {
    const response = await fetch(`${await server.getUrl()}${path}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const everything = async () => {
    const tables = await replica.dataSource.query<{ name: string }[]>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
    );
    return Promise.all(
      tables.map(({ name }) =>
        replica.dataSource.query(`SELECT xmin::text, '${name}', t.* FROM "${name}" t ORDER BY 1, t::text`),
      ),
    );
  };
  const instances = async () =>
    (await asSystem(() => replica.instances.list(tenantId, { workloadId: workload.id }))).items;

  it('is nothing where all is as it should be', async () => {
    expect(await plan()).toEqual({ instances: [], orphans: [], workloads: [], bootstrap: [], failures: [] });
  });

  it('is said of instances, orphans, workloads and bootstrap services, and nothing of it is done', async () => {
    const [one, two] = await instances();
    const alone = await asSystem(() =>
      replica.instances.create(tenantId, { name: 'x', provider: 'memory', spec: { command: ['true'] } }),
    );
    // Written by hand: nobody is told, and nobody does anything.
    const datacenterId = newId('datacenter');
    const bootstrap = [{ name: 'ingress', services: [{ name: 'proxy', spec: { command: ['true'] } }] }];
    await replica.dataSource.query(
      `INSERT INTO datacenters (id, tenant_id, name, status, bootstrap) VALUES ($1, $2, 'fra1', 'active', $3)`,
      [datacenterId, tenantId, JSON.stringify(bootstrap)],
    );
    await replica.dataSource.query('DELETE FROM instances WHERE id = $1', [alone.id]);
    await replica.dataSource.query('UPDATE workloads SET replicas = 3');
    provider.running.delete(one!.id);
    provider.running.set(two!.id, { ...provider.running.get(two!.id)!, spec: { command: ['false'] } });
    const [before, done] = [await everything(), [...provider.done]];
    const found = await plan();
    expect(found.instances).toEqual(
      expect.arrayContaining([
        { provider: 'memory', instanceId: one!.id, drift: 'missing', repair: 'provision' },
        { provider: 'memory', instanceId: two!.id, drift: 'spec', repair: 'deploy' },
      ]),
    );
    expect(found).toMatchObject({
      orphans: [{ provider: 'memory', instanceId: alone.id }],
      workloads: [{ tenantId, workloadId: workload.id, create: 1, remove: [] }],
      bootstrap: [{ tenantId, datacenterId, name: 'ingress', action: 'install', create: 1 }],
      failures: [],
    });
    expect(await everything()).toEqual(before);
    expect(provider.done).toEqual(done);
  });

  it('names the stores of which nothing is known', async () => {
    provider.beforeList = () => Promise.reject(new Error('daemon is away'));
    expect((await plan()).failures).toEqual([{ subject: 'memory', reason: 'daemon is away' }]);
  });

  it('takes claims over all tenants', async () => {
    await expect(replica.find(ReconcilerPreview).plan()).rejects.toThrow(UnauthorizedError);
    const claims = { subject: 'user:ann', tenantId, roles: [] };
    await expect(withClaims(claims, () => replica.find(ReconcilerPreview).plan())).rejects.toThrow(
      ForbiddenError,
    );
  });

  it('is shown over HTTP, also when each thing was last reconciled, and how it is', async () => {
    expect(await get('/reconciler/plan')).toMatchObject({
      status: 200,
      body: { instances: [], failures: [] },
    });
    await replica.run('reconciler');
    const [one] = await instances();
    const instance = await get(`/reconciler/instances/${tenantId}/${one!.id}`);
    expect(instance).toMatchObject({
      status: 200,
      body: {
        conditions: [
          { type: 'Running', status: true },
          { type: 'Settled', status: true },
        ],
      },
    });
    expect(Date.parse(String(instance.body.last_reconciled))).not.toBeNaN();
    const asked = await get(`/reconciler/workloads/${tenantId}/${workload.id}`);
    expect(asked.body.conditions).toMatchObject([
      { type: 'Available', status: true },
      { type: 'Progressing', status: false },
    ]);
    expect(Date.parse(String(asked.body.last_reconciled))).not.toBeNaN();
    expect((await get(`/reconciler/instances/${tenantId}/${newId('instance')}`)).status).toBe(404);
    expect((await get(`/reconciler/instances/${tenantId}/x`)).status).toBe(400);
  });

  it('tells how an instance and a datacenter are that are not well', async () => {
    const datacenter = await asSystem(() => replica.datacenters.create(tenantId, { name: 'fra1' }));
    const of = () => asSystem(() => status().ofDatacenter(tenantId, datacenter.id));
    provider.beforeProvision = () => Promise.reject(new Error('no such program'));
    await asSystem(() =>
      replica.datacenters.setBootstrap(tenantId, datacenter.id, [
        { name: 'ingress', services: [{ name: 'proxy', spec: { command: ['true'] } }] },
      ]),
    );
    await eventually(async () => {
      await replica.run('reconciler');
      return (await of()).conditions[0]?.reason === 'failed';
    }, 20_000);
    expect((await of()).conditions).toMatchObject([
      { type: 'Bootstrapped', status: false, message: 'ingress: no such program' },
      { type: 'Contributed', status: true },
    ]);
    expect((await of()).lastReconciled).toBeInstanceOf(Date);
    const failed = (await asSystem(() => replica.instances.list(tenantId))).items.find(
      ({ state }) => state === 'failed',
    )!;
    expect((await asSystem(() => status().ofInstance(tenantId, failed.id))).conditions).toMatchObject([
      { type: 'Running', status: false, reason: 'init_failed', message: 'no such program' },
      { type: 'Settled', status: true },
    ]);
  });

  it('writes nothing and changes nothing at the provider on a second pass, in any table', async () => {
    await asSystem(() =>
      replica.datacenters.create(tenantId, {
        name: 'fra1',
        bootstrap: [{ name: 'ingress', services: [{ name: 'proxy', spec: { command: ['true'] } }] }],
      }),
    );
    await eventually(async () => {
      await replica.run('reconciler');
      const [row] = await replica.dataSource.query<{ state: string }[]>(
        'SELECT state FROM bootstrap_services',
      );
      return row?.state === 'running';
    }, 20_000);
    await replica.run('instance_drift');
    await replica.run('reconciler');
    const [before, done] = [await everything(), [...provider.done]];
    await replica.run('instance_drift');
    await replica.run('reconciler');
    expect(await everything()).toEqual(before);
    expect(provider.done).toEqual(done);
  });
});
