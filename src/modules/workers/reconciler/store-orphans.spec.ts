import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { InMemoryProvider } from '../../../../test/support/in-memory-provider.js';
import { type Replica, startReplica } from '../../../../test/support/reconciler.js';
import { GarbageCollectorBrakes } from '../../brakes/brakes.service.js';
import { type InstanceId, newId, type TenantId } from '../../ids/typed-id.js';
import { type Instance } from '../../instances/instance.js';
import { type ReconcilerOptions } from './reconciler.options.js';

describe('what a store holds without a row', () => {
  let database: { url: string; drop(): Promise<void> };
  let provider: InMemoryProvider;
  let replica: Replica;
  let tenantId: TenantId;

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    provider = new InMemoryProvider();
    tenantId = newId('tenant');
  });
  afterEach(async () => {
    await replica.stop();
    await database.drop();
  });

  const start = async (options: ReconcilerOptions = {}) => {
    replica = await startReplica(database.url, [provider], { orphanGracePeriod: 0, ...options });
    await pass();
  };
  const pass = () => replica.run('instance_drift');
  const create = (labels = {}) =>
    asSystem(() =>
      replica.instances.create(tenantId, {
        name: 'web',
        provider: 'memory',
        spec: { command: ['true'] },
        labels,
      }),
    );
  const createAll = async (count: number) => {
    const all: Instance[] = [];
    for (let n = 0; n < count; n++) all.push(await create());
    return all;
  };
  const lose = (ids: InstanceId[]) =>
    replica.dataSource.query('DELETE FROM instances WHERE id = ANY ($1)', [ids]);
  const held = () => [...provider.running.keys()];

  it('is removed on the second pass that finds it so, and that is told', async () => {
    await start();
    const [kept, lost] = await createAll(2);
    await lose([lost!.id]);
    await pass();
    expect(held()).toEqual([kept!.id, lost!.id]);
    await pass();
    expect(held()).toEqual([kept!.id]);
    const [told, ...more] = await replica.told('instance.orphan_removed');
    expect(told).toMatchObject({ tenantId, payload: { instanceId: lost!.id, provider: 'memory' } });
    expect(more).toEqual([]);
  });

  it('stays until its grace period is over, which a replica that starts counts anew', async () => {
    await start({ orphanGracePeriod: '1h' });
    const [, lost] = await createAll(2);
    await lose([lost!.id]);
    await pass();
    await pass();
    expect(held()).toContain(lost!.id);
    await replica.stop();
    await start();
    await pass();
    expect(held()).not.toContain(lost!.id);
  });

  it('is looked up once more right before it is removed', async () => {
    await start();
    const [kept, lost] = await createAll(2);
    await lose([lost!.id]);
    await pass();
    // The row is back after the list was read, and before anything is done.
    provider.afterList = async () => {
      await replica.dataSource.query(
        `INSERT INTO instances (id, tenant_id, name, provider, provider_store, state, spec)
         SELECT $1, tenant_id, name, provider, provider_store, state, spec FROM instances WHERE id = $2`,
        [lost!.id, kept!.id],
      );
      provider.afterList = async () => undefined;
    };
    await pass();
    await pass();
    expect(held()).toEqual([kept!.id, lost!.id]);
  });

  it('stays when every row is lost, as with another database, until somebody confirms it', async () => {
    await start();
    await createAll(3);
    await replica.dataSource.query('DELETE FROM instances');
    for (let n = 0; n < 3; n++) await pass();
    await replica.dataSource.query(`UPDATE gc_brakes SET seen_since = seen_since - interval '1 day'`);
    for (let n = 0; n < 2; n++) await pass();
    expect(held()).toHaveLength(3);
    const told = await replica.told('gc.brake_engaged');
    expect(told).toMatchObject([{ tenantId, payload: { cause: 'unknown_tenant', orphans: 3, examined: 3 } }]);
    const brakes = replica.find(GarbageCollectorBrakes);
    expect(await brakes.health()).toMatchObject({ status: 'degraded', held: [{ tenantId, orphans: 3 }] });
    await asSystem(async () => brakes.confirm(tenantId, (await brakes.find(tenantId))!.set));
    await pass();
    expect(held()).toEqual([]);
    await pass();
    expect(await brakes.health()).toEqual({ status: 'ok', held: [], heldByPasses: [] });
  });

  it('stays when half of the store is, and goes when the same was seen for long enough', async () => {
    await start();
    const all = await createAll(20);
    await lose(all.slice(0, 10).map(({ id }) => id));
    for (let n = 0; n < 3; n++) await pass();
    expect(held()).toHaveLength(20);
    expect(await replica.told('gc.brake_engaged')).toMatchObject([
      { payload: { cause: 'tenant', orphans: 10 } },
    ]);
    await replica.dataSource.query(`UPDATE gc_brakes SET seen_since = seen_since - interval '16 min'`);
    await pass();
    expect(held()).toHaveLength(10);
  });

  it('stays when it is protected, and in a store that others may reach unless it was deleted here', async () => {
    await start();
    await create();
    const { id } = await create({ 'ctrlplane.gc': 'protect' });
    await lose([id]);
    for (let n = 0; n < 3; n++) await pass();
    expect(held()).toContain(id);
    // No row of this database was ever theirs.
    const stranger = newId('instance');
    await provider.provision({
      instanceId: stranger,
      tenantId: newId('tenant'),
      name: 'web',
      spec: { command: ['true'] },
      labels: {},
    });
    const deleted = await create();
    await lose([deleted.id]);
    provider.shared = true;
    for (let n = 0; n < 3; n++) await pass();
    expect(held()).toEqual(expect.arrayContaining([id, stranger]));
    expect(held()).not.toContain(deleted.id);
    expect(await replica.told('gc.brake_engaged')).toEqual([]);
  });

  it('stays in a dry run, which says that it is there', async () => {
    await start();
    const [, lost] = await createAll(2);
    await lose([lost!.id]);
    await replica.stop();
    await start({ dryRun: true });
    for (let n = 0; n < 3; n++) await pass();
    expect(held()).toContain(lost!.id);
  });

  it('is tried again when its provider cannot remove it, and the rest of the pass is done', async () => {
    await start();
    const [kept, lost] = await createAll(2);
    await lose([lost!.id]);
    provider.beforeDeprovision = () => Promise.reject(new Error('busy'));
    await pass();
    provider.running.delete(kept!.id);
    const { progress } = await pass();
    expect(held()).toContain(kept!.id);
    expect(progress?.message).toContain('1 to be tried again');
    expect(replica.logs.join('\n')).toContain(`${lost!.id} has no row, and was not removed: busy`);
    provider.beforeDeprovision = async () => undefined;
    await pass();
    expect(held()).toEqual([kept!.id]);
  });
});
