import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { eventually } from '../../../../test/support/eventually.js';
import { type Replica, startReplica } from '../../../../test/support/reconciler.js';
import { temporaryDirectories } from '../../../../test/support/temporary-directory.js';
import { EventBus } from '../../events/event-bus.js';
import { HealthService } from '../../health-checks/health.service.js';
import { type InstanceId, type TenantId } from '../../ids/typed-id.js';
import { InstanceReadiness } from '../../instances/readiness.js';
import { ProcessProviderModule } from '../../providers/process/process-provider.module.js';
import { type Workload } from '../../workloads/workload.js';
import { HealthRunnerModule } from './health-runner.module.js';

/** A process that answers `/healthz` with that status. */
const server = (status: number) => ({
  command: [
    process.execPath,
    '-e',
    `require('node:http').createServer((_, r) => r.writeHead(${status}).end()).listen(process.env.PORT, '127.0.0.1')`,
  ],
  ports: [{ name: 'http', env: 'PORT' }],
});

describe('a rolling update of instances that have health checks', () => {
  const directory = temporaryDirectories();
  let database: { url: string; drop(): Promise<void> };
  let replica: Replica;
  let tenantId: TenantId;
  let workload: Workload;
  let unsubscribe = (): void => undefined;

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    replica = await startReplica(
      database.url,
      [],
      {},
      {
        imports: [
          ProcessProviderModule.forRoot({ directory: await directory(), users: 'same' }),
          HealthRunnerModule.forRoot({ egress: { allow: ['127.0.0.0/8'] } }),
        ],
      },
    );
    const health = replica.find(HealthService);
    // What is not given its check yet is not ready, as in the app, which gives each instance what its fleet file says.
    const given = new Set<InstanceId>();
    replica.find(InstanceReadiness).add(async (all) => new Map(all.map(({ id }) => [id, given.has(id)])));
    unsubscribe = replica.find(EventBus).subscribe('instance.created', async ({ payload }) => {
      const instanceId = payload.instanceId as InstanceId;
      await asSystem(() =>
        health.configure(tenantId, {
          name: 'alive',
          instanceId,
          interval: '1s',
          failureThreshold: 2,
          probe: { type: 'http', path: '/healthz' },
        }),
      );
      given.add(instanceId);
    });
    ({ id: tenantId } = await asSystem(() => replica.tenants.create({ name: 'acme' })));
  });
  afterEach(async () => {
    unsubscribe();
    for (const { id } of await instances()) await asSystem(() => replica.instances.delete(tenantId, id));
    await replica.stop();
    await database.drop();
  });

  const instances = async () => (await asSystem(() => replica.instances.list(tenantId))).items;
  const latest = async () =>
    (await asSystem(() => replica.workloads.deploymentsOf(tenantId, workload.id)))[0]!;
  const create = async () => {
    workload = await asSystem(() =>
      replica.workloads.create(tenantId, {
        name: 'web',
        provider: 'process',
        spec: server(200),
        replicas: 1,
        rollout: { minReady: 0, progressDeadline: 60_000 },
      }),
    );
  };
  const update = (status: number) =>
    asSystem(() => replica.workloads.update(tenantId, workload.id, { spec: server(status) }));
  const statusOf = async (id: InstanceId) =>
    (await asSystem(() => replica.find(HealthService).getHealth(tenantId, id))).status;
  /** Passes until the deployment is over. */
  const end = () =>
    eventually(async () => {
      await replica.run('reconciler');
      const { state } = await latest();
      return state !== 'rolling' && state;
    }, 60_000);

  it('goes on as the checks of the new ones pass', async () => {
    await create();
    const before = (await instances()).map(({ id }) => id);
    await update(204);
    expect(await end()).toBe('succeeded');
    const after = (await instances()).map(({ id }) => id);
    expect(after).toHaveLength(1);
    expect(after.filter((id) => before.includes(id))).toEqual([]);
    expect(await statusOf(after[0]!)).toBe('healthy');
  }, 120_000);

  it('stops at a version whose check fails, keeps the old ones, and says which check', async () => {
    await create();
    const before = (await instances()).map(({ id }) => id);
    await update(503);
    await replica.run('reconciler');
    const fresh = (await instances()).find(({ id }) => !before.includes(id))!;
    await eventually(async () => (await statusOf(fresh.id)) === 'unhealthy', 60_000);
    // The old one is still there, and waits for the new one until its time is over.
    expect((await instances()).map(({ id }) => id)).toEqual([...before, fresh.id]);
    await replica.dataSource.query(
      `UPDATE deployments SET progressed_at = progressed_at - interval '1 hour'`,
    );
    expect(await end()).toBe('failed');
    const reason = `nothing more has become ready within 60000 ms: ${fresh.id}: its check "alive" is unhealthy`;
    expect((await latest()).reason).toBe(reason);
    expect((await replica.told('deployment.failed'))[0]!.payload.reason).toBe(reason);
    await replica.run('reconciler');
    expect((await instances()).map(({ id }) => id)).toEqual(before);
  }, 120_000);
});
