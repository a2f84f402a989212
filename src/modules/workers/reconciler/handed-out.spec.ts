import { Injectable } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { asSystem } from '../../../../test/support/control-plane.js';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { eventually } from '../../../../test/support/eventually.js';
import { InMemoryProvider } from '../../../../test/support/in-memory-provider.js';
import { type Replica, startReplica } from '../../../../test/support/reconciler.js';
import { RelayEngine } from '../../../../test/support/relay.engine.js';
import { BootstrapHook } from '../../bootstrap/bootstrap-hook.decorator.js';
import { type BootstrapServiceSpec } from '../../bootstrap/bootstrap-spec.js';
import { BootstrapServices } from '../../bootstrap/bootstrap.service.js';
import { type Datacenter } from '../../datacenters/datacenter.js';
import { type TenantId } from '../../ids/typed-id.js';
import { type Workload } from '../../workloads/workload.js';
import { type ReconcilerOptions } from './reconciler.options.js';

@Injectable()
class Hooks {
  contributed: () => BootstrapServiceSpec[] = () => [];

  @BootstrapHook('ingress')
  contribute() {
    return this.contributed();
  }
}

const SERVICE = { name: 'ingress', services: [{ name: 'proxy', spec: { command: ['true'] } }] };

describe('What the reconciler hands out', () => {
  let database: { url: string; drop(): Promise<void> };
  let provider: InMemoryProvider;
  let engine: RelayEngine;
  let replica: Replica;
  let starting: Promise<Replica> | undefined;
  let tenantId: TenantId;
  const datacenters: Datacenter[] = [];
  const workloads: Workload[] = [];

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    provider = new InMemoryProvider();
    engine = new RelayEngine();
    starting = undefined;
  });
  afterEach(async () => {
    // Also when the test did not wait for its start, as its time was over.
    await (await starting?.catch(() => undefined))?.stop();
    await database.drop();
  });

  /** A replica, and of everything two. */
  async function start(options: ReconcilerOptions = {}): Promise<void> {
    starting = startReplica(database.url, [provider], options, { providers: [Hooks], fanOut: engine });
    replica = await starting;
    datacenters.length = workloads.length = 0;
    await asSystem(async () => {
      ({ id: tenantId } = await replica.tenants.create({ name: 'acme' }));
      for (const name of ['fra1', 'ams1'])
        datacenters.push(await replica.datacenters.create(tenantId, { name }));
      for (const name of ['web', 'api'])
        workloads.push(
          await replica.workloads.create(tenantId, {
            name, provider: 'memory', spec: { command: ['old'] }, replicas: 2, rollout: { minReady: 0 },
          }),
        ); // prettier-ignore
    });
    engine.items.length = 0;
  }
  const update = (workload: Workload) =>
    asSystem(() => replica.workloads.update(tenantId, workload.id, { spec: { command: ['new'] } }));
  const pass = () => replica.run('reconciler');
  const specs = async (): Promise<string[]> => {
    const { items } = await asSystem(() => replica.instances.list(tenantId, {}));
    return items.map(({ spec }) => spec.command[0]!);
  };
  const handedOut = (id: string) => engine.items.filter((item) => (item as { id: string }).id === id).length;

  it('is each datacenter, and each workload that differs from its spec, until all of them are as they should be', async () => {
    await start();
    replica.find(Hooks).contributed = () => [SERVICE];
    for (const workload of workloads) await update(workload);
    await eventually(async () => {
      await pass();
      return (await replica.told('deployment.succeeded')).length === 2;
    });
    for (const { id } of [...datacenters, ...workloads]) expect(handedOut(id)).toBeGreaterThan(0);
    for (const datacenter of datacenters) {
      const [service] = await asSystem(() => replica.find(BootstrapServices).list(datacenter));
      expect(service).toMatchObject({ name: 'ingress', state: 'running' });
    }
    expect(await replica.told('bootstrap.installed')).toHaveLength(2);
    expect((await specs()).includes('old')).toBe(false);
    expect(await pass()).toMatchObject({ outcome: 'succeeded', shards: { total: 2, done: 2, failed: 0 } });
  });

  it('goes on by itself while something is in progress', async () => {
    await start();
    for (const workload of workloads) await update(workload);
    await eventually(async () => (await replica.told('deployment.succeeded')).length === 2, 30_000);
    expect(new Set(await specs())).toEqual(new Set(['new']));
  });

  it('is nothing with `fanOut: false`, and while the engine is away', async () => {
    await start({ fanOut: false });
    expect(await pass()).toMatchObject({ outcome: 'succeeded' });
    expect(engine.items).toEqual([]);
    await replica.stop();
    starting = undefined;
    await database.drop();
    database = await createControlPlaneDatabase();
    await start();
    engine.lose();
    // One that was woken by the start may still hand out.
    await pass();
    engine.items.length = 0;
    expect(await pass()).toMatchObject({ outcome: 'succeeded' });
    expect(engine.items).toEqual([]);
  });

  it('fails one by one: the others have their turn, and the run fails only with all of them', async () => {
    await start();
    const broken = new Set<unknown>([datacenters[0]!.id]);
    engine.before = (item) => {
      if (broken.has((item as { id: string }).id)) throw new Error('its replica ended');
    };
    replica.find(Hooks).contributed = () => [SERVICE];
    expect(await pass()).toMatchObject({
      outcome: 'succeeded',
      shards: { failed: 1 },
      progress: { message: '1 datacenters failed' },
    });
    const [service] = await asSystem(() => replica.find(BootstrapServices).list(datacenters[1]!));
    expect(service).toMatchObject({ name: 'ingress' });
    expect(replica.logs).toContainEqual(expect.stringContaining(`${datacenters[0]!.id}: its replica ended`));
    broken.add(datacenters[1]!.id);
    expect(await pass()).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringContaining('Not one of 2 datacenters could be reconciled') },
    });
  });

  it('is no failure when it is gone by the time that its shard comes', async () => {
    await start();
    let gone = false;
    engine.before = async () => {
      if (gone) return;
      gone = true;
      await replica.dataSource.query('TRUNCATE datacenters CASCADE');
    };
    await eventually(async () => {
      await pass();
      return gone;
    });
    expect(await pass()).toMatchObject({ outcome: 'succeeded' });
    expect(replica.logs.filter((line) => datacenters.some(({ id }) => line.includes(id)))).toEqual([]);
  });

  it('retires nothing when a hook fails on the replica that has the shard', async () => {
    await start();
    replica.find(Hooks).contributed = () => [SERVICE];
    await eventually(async () => {
      await pass();
      return (await replica.told('bootstrap.installed')).length === 2;
    });
    replica.find(Hooks).contributed = () => {
      throw new Error('no');
    };
    await pass();
    expect(await replica.told('bootstrap.retiring')).toEqual([]);
    expect(await replica.told('bootstrap.hook_failed')).toHaveLength(2);
  });
});
