import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { InMemoryProvider } from '../../../../test/support/in-memory-provider.js';
import { type Replica, startReplica } from '../../../../test/support/reconciler.js';
import { GarbageCollectorBrakes } from '../../brakes/brakes.service.js';
import { type InstanceId, newId, type TenantId, type WorkloadId } from '../../ids/typed-id.js';
import { type Workload } from '../../workloads/workload.js';

describe('instances whose rows are lost', () => {
  let database: { url: string; drop(): Promise<void> };
  let provider: InMemoryProvider;
  let replica: Replica;
  let tenantId: TenantId;

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    provider = new InMemoryProvider();
    replica = await startReplica(database.url, [provider], { orphanGracePeriod: 0 });
    tenantId = (await asSystem(() => replica.tenants.create({ name: 'acme' }))).id;
  });
  afterEach(async () => {
    await replica.stop();
    await database.drop();
  });

  const sql = <T>(statement: string, values?: unknown[]) => replica.dataSource.query<T[]>(statement, values);
  const create = (replicas: number, name = 'web'): Promise<Workload> =>
    asSystem(() =>
      replica.workloads.create(tenantId, { name, provider: 'memory', spec: { command: ['true'] }, replicas }),
    );
  const rows = () =>
    sql<{ id: InstanceId; state: string; ref: string; workload_id: WorkloadId }>(
      'SELECT id, state, ref, workload_id, spec_hash, labels, name, provider_store FROM instances ORDER BY id',
    );
  const passes = async () => {
    for (let n = 0; n < 3; n++)
      for (const worker of ['reconciler', 'instance_drift']) await replica.run(worker);
  };
  const starts = () => [...provider.running.values()].map(({ starts }) => starts);
  const brakes = () => replica.find(GarbageCollectorBrakes);

  it.each([
    ['the reconciler', ['reconciler', 'instance_drift']],
    ['the comparison of stores', ['instance_drift', 'reconciler']],
    ['somebody who starts the fleet', []],
  ])('get them again, and are not started a second time, when %s looks first', async (_, order) => {
    const { id } = await create(3);
    const before = await rows();
    await sql('TRUNCATE instances');
    for (const worker of order) await replica.run(worker);
    await asSystem(() => replica.workloads.converge(tenantId, id));
    await passes();
    expect(await rows()).toEqual(before);
    expect(starts()).toEqual([1, 1, 1]);
    expect(await replica.told('instance.adopted')).toHaveLength(3);
    expect(await replica.told('gc.brake_engaged', 'instance.orphan_removed')).toEqual([]);
  });

  it('get them again once when everybody looks at the same time', async () => {
    const { id } = await create(4);
    const before = await rows();
    const other = await startReplica(database.url, [provider]);
    await sql('TRUNCATE instances');
    await Promise.all([
      replica.run('reconciler'),
      replica.run('instance_drift'),
      other.run('instance_drift'),
      asSystem(() => replica.workloads.converge(tenantId, id)),
      asSystem(() => other.workloads.converge(tenantId, id)),
    ]);
    await other.stop();
    await passes();
    expect(await rows()).toEqual(before);
    expect(starts()).toEqual([1, 1, 1, 1]);
    expect(await replica.told('instance.adopted')).toHaveLength(4);
  });

  it('get them again in part, and the rest is made anew: a backup from before', async () => {
    const { id } = await create(2);
    const [first, second] = await rows();
    provider.running.delete(second!.id);
    await sql('TRUNCATE instances');
    await asSystem(() => replica.workloads.converge(tenantId, id));
    await passes();
    const after = await rows();
    expect(after).toHaveLength(2);
    expect(after[0]).toEqual(first);
    expect(starts()).toEqual([1, 1]);
  });

  it('keep the spec that they run with, and are then updated one by one', async () => {
    const { id } = await create(2);
    await sql('TRUNCATE instances');
    await sql(`UPDATE workloads SET spec = '{"command": ["false"]}', spec_hash = NULL`);
    await replica.run('instance_drift');
    expect((await asSystem(() => replica.instances.list(tenantId))).items).toMatchObject([
      { spec: { command: ['true'] }, state: 'running', workloadId: id },
      { spec: { command: ['true'] }, state: 'running', workloadId: id },
    ]);
  });

  it('stay stopped when they were, and stand for themselves as before', async () => {
    const request = { name: 'one', provider: 'memory', spec: { command: ['true'] } };
    const { id } = await asSystem(() => replica.instances.create(tenantId, request));
    await asSystem(() => replica.instances.stop(tenantId, id));
    await sql('TRUNCATE instances');
    await passes();
    expect(await rows()).toMatchObject([{ id, state: 'stopped', workload_id: null }]);
    expect(starts()).toEqual([1]);
  });

  it('of a bootstrap service get them again as well', async () => {
    const { id } = await asSystem(() => replica.datacenters.create(tenantId, { name: 'main' }));
    const services = [{ name: 'proxy', spec: { command: ['true'] } }];
    await asSystem(() =>
      replica.datacenters.setBootstrap(tenantId, id, [{ name: 'ingress', replicas: 2, services }]),
    );
    for (let n = 0; n < 3; n++) await replica.run('reconciler');
    const before = await rows();
    expect(before).toHaveLength(2);
    await sql('TRUNCATE instances');
    await passes();
    expect(await rows()).toEqual(before);
    expect(starts()).toEqual([1, 1]);
  });

  it('are held back by the brake where nothing asks for them any more, until somebody confirms exactly those', async () => {
    const { id } = await create(3);
    const kept = await rows();
    await sql('TRUNCATE instances');
    await sql('UPDATE workloads SET replicas = 1 WHERE id = $1', [id]);
    await passes();
    expect(await rows()).toHaveLength(1);
    expect(provider.running.size).toBe(3);
    expect(await replica.told('gc.brake_engaged')).toMatchObject([
      { tenantId, payload: { cause: 'lost_rows', orphans: 2 } },
    ]);
    expect(await brakes().health()).toMatchObject({
      status: 'degraded',
      held: [{ orphans: 2, examined: 3 }],
    });
    const brake = (await asSystem(() => brakes().find(tenantId)))!;
    const { items } = await asSystem(() => brakes().instances(tenantId));
    const [row] = await rows();
    expect(items.map(({ instanceId }) => instanceId).sort()).toEqual(
      kept.map((each) => each.id).filter((each) => each !== row!.id),
    );
    await asSystem(() => brakes().confirm(tenantId, brake.set));
    await passes();
    expect([...provider.running.keys()]).toEqual([row!.id]);
    expect(await brakes().health()).toEqual({ status: 'ok', held: [], heldByPasses: [] });
  });

  it('are held back when their workloads are lost as well, and stay when that is refused', async () => {
    await create(2);
    await sql('TRUNCATE instances, workloads');
    await passes();
    await asSystem(async () => brakes().refuse(tenantId, (await brakes().find(tenantId))!.set));
    await sql(`UPDATE gc_brakes SET seen_since = seen_since - interval '1 day'`);
    await passes();
    expect(provider.running.size).toBe(2);
    expect((await brakes().health()).held).toMatchObject([{ tenantId, state: 'refused', orphans: 2 }]);
  });

  it('are removed by themselves when the same were seen for long enough', async () => {
    await create(2);
    await sql('TRUNCATE instances, workloads');
    await passes();
    expect(provider.running.size).toBe(2);
    await sql(`UPDATE gc_brakes SET seen_since = seen_since - interval '16 min'`);
    await passes();
    expect(provider.running.size).toBe(0);
  });

  it('are no longer held back when a backup brings their rows back', async () => {
    await create(2);
    const columns = 'id, tenant_id, name, provider, provider_store, state, labels, spec';
    await sql(`CREATE TABLE instances_before AS SELECT ${columns} FROM instances`);
    await sql('CREATE TABLE workloads_before AS SELECT * FROM workloads');
    await sql('TRUNCATE instances, workloads');
    await passes();
    expect(await brakes().health()).toMatchObject({ status: 'degraded' });
    await sql('INSERT INTO workloads SELECT * FROM workloads_before');
    await sql(`INSERT INTO instances (${columns}) SELECT * FROM instances_before`);
    await passes();
    expect(starts()).toEqual([1, 1]);
    expect(await brakes().health()).toEqual({ status: 'ok', held: [], heldByPasses: [] });
  });

  it('are removed, and get no rows, when they were deleted and their provider has not let go of them', async () => {
    const { id } = await create(2);
    const [victim] = await rows();
    provider.afterDeprovision = async () => {
      // Whoever was making it ends last.
      if (!provider.running.has(victim!.id)) await provider.provision(notes!);
    };
    const notes = await provider.notes(victim!.id);
    await asSystem(() => replica.instances.delete(tenantId, victim!.id));
    provider.afterDeprovision = async () => undefined;
    expect(provider.running.has(victim!.id)).toBe(true);
    await asSystem(() => replica.workloads.converge(tenantId, id));
    await passes();
    expect(provider.running.has(victim!.id)).toBe(false);
    expect(await rows()).toHaveLength(2);
    expect(await replica.told('instance.adopted', 'gc.brake_engaged')).toEqual([]);
  });

  it('stay without rows, and are held back, where their provider has kept nothing of what they were made from', async () => {
    await create(2);
    Object.assign(provider, { notes: undefined });
    await sql('TRUNCATE instances');
    await passes();
    expect(provider.running.size).toBe(4);
    expect(await replica.told('gc.brake_engaged')).toMatchObject([
      { payload: { cause: 'lost_rows', orphans: 2 } },
    ]);
  });

  it('are not made anew while their provider cannot say what it has', async () => {
    const { id } = await create(2);
    await sql('TRUNCATE instances');
    provider.beforeList = () => Promise.reject(new Error('the daemon is away'));
    await expect(asSystem(() => replica.workloads.converge(tenantId, id))).rejects.toThrow(
      'the daemon is away',
    );
    await replica.run('reconciler');
    expect(await rows()).toEqual([]);
    provider.beforeList = async () => undefined;
    await passes();
    expect(starts()).toEqual([1, 1]);
  });

  it('of a deleted tenant get none', async () => {
    await create(2);
    await sql('TRUNCATE instances');
    await sql('DELETE FROM tenants');
    await passes();
    expect(await rows()).toEqual([]);
    expect(provider.running.size).toBe(2);
    expect((await brakes().health()).held).toMatchObject([{ tenantId, orphans: 2 }]);
  });

  it('get none of a tenant that there never was', async () => {
    await create(1);
    const [one] = await rows();
    const notes = (await provider.notes(one!.id))!;
    const stranger = { ...notes, instanceId: newId('instance'), tenantId: newId('tenant') };
    await provider.provision(stranger);
    await passes();
    expect(await rows()).toEqual([one]);
    expect(provider.running.size).toBe(2);
    expect(await replica.told('gc.brake_engaged')).toMatchObject([
      { tenantId: stranger.tenantId, payload: { cause: 'unknown_tenant' } },
    ]);
  });
});
