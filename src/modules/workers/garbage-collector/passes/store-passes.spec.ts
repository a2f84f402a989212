import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { asSystem } from '../../../../../test/support/control-plane.js';
import { createControlPlaneDatabase } from '../../../../../test/support/control-plane-database.js';
import { GarbageRows } from '../../../../../test/support/garbage-rows.js';
import { InMemoryProvider } from '../../../../../test/support/in-memory-provider.js';
import { temporaryDirectories } from '../../../../../test/support/temporary-directory.js';
import { type EndedRun } from '../../../../core/history/run.js';
import { Scheduler } from '../../../../core/scheduler/scheduler.js';
import { WorkerModule } from '../../../../core/worker.module.js';
import { BrakeRepository } from '../../../brakes/brake.repository.js';
import { EventBus } from '../../../events/event-bus.js';
import { type InstanceId, newId, type TenantId } from '../../../ids/typed-id.js';
import { InstancesService } from '../../../instances/instances.service.js';
import { ProcessProvider } from '../../../providers/process/process.provider.js';
import { type Provider } from '../../../providers/provider.js';
import { ProviderRegistry } from '../../../providers/provider.registry.js';
import { DatabaseModule } from '../../../schema/database.module.js';
import { GarbageCollectorModule } from '../garbage-collector.module.js';
import { type GarbageCollectorOptions } from '../garbage-collector.options.js';

/** A replica with the garbage collector and no reconciler, whose runs are asked for. */
async function startReplica(url: string, provider: Provider, options: GarbageCollectorOptions = {}) {
  const app: TestingModule = await Test.createTestingModule({
    imports: [
      DatabaseModule.forRoot({ url }),
      WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 100 } }),
      GarbageCollectorModule.forRoot({ interval: 0, instanceGracePeriod: 0, ...options }),
    ],
  })
    .setLogger(false as never)
    .compile();
  app.get(ProviderRegistry, { strict: false }).register(provider.info().name, provider);
  await app.init();
  const find = <T>(type: abstract new (...args: never[]) => T): T =>
    app.get<T>(type as never, { strict: false });
  return {
    app,
    find,
    rows: new GarbageRows(app.get(DataSource)),
    sql: (statement: string, values?: unknown[]) => app.get(DataSource).query(statement, values),
    run: async (worker = 'gc_stores'): Promise<EndedRun> => (await app.get(Scheduler).trigger(worker)).ended,
    told: async (type: string) => {
      const { items } = await asSystem(() => find(EventBus).recent({ type, limit: 1000 }));
      return items.map(({ tenantId, payload }): Record<string, unknown> => ({ tenantId, ...payload }));
    },
    create: (tenantId: TenantId, count: number): Promise<InstanceId[]> =>
      asSystem(async () => {
        const made: InstanceId[] = [];
        for (let n = 0; n < count; n++) {
          const spec = { command: ['sleep', '86400'] };
          const request = { name: `web-${n}`, provider: provider.info().name, spec };
          made.push((await find(InstancesService).create(tenantId, request)).id);
        }
        return made;
      }),
    stop: () => app.close(),
  };
}

type Replica = Awaited<ReturnType<typeof startReplica>>;

describe('The passes over stores', () => {
  let database: { url: string; drop(): Promise<void> };
  let replica: Replica;
  let tenantId: TenantId;
  const temporaryDirectory = temporaryDirectories();

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    tenantId = newId('tenant');
  });
  afterEach(async () => {
    await replica?.stop();
    await database.drop();
  });

  const runningOf = async (provider: Provider): Promise<InstanceId[]> =>
    (await provider.list())
      .filter(({ state }) => state === 'running')
      .map(({ instanceId }) => instanceId)
      .sort();
  /** As with a backup from before: nothing is recorded. */
  const lose = (ids: readonly InstanceId[]) =>
    replica.sql(
      `WITH quiet AS (SELECT set_config('session_replication_role', 'replica', true))
       DELETE FROM instances USING quiet WHERE id = ANY ($1)`,
      [ids],
    );

  describe('over what has no row, with real processes', () => {
    it('end on the second pass what was deleted, and tell it', async () => {
      const provider = new ProcessProvider({ directory: await temporaryDirectory(), stopGrace: 0 });
      replica = await startReplica(database.url, provider);
      await replica.rows.addTenant(tenantId);
      const [kept, gone] = await replica.create(tenantId, 2);
      try {
        await replica.sql('DELETE FROM instances WHERE id = $1', [gone]);
        expect(await replica.run()).toMatchObject({ metrics: { 'store_orphans.found': 1 } });
        expect(await runningOf(provider)).toEqual([kept, gone].sort());
        expect(await replica.run()).toMatchObject({
          outcome: 'succeeded',
          progress: { message: 'store_orphans: 1 of 1 removed' },
        });
        expect(await runningOf(provider)).toEqual([kept]);
        expect(await replica.told('instance.orphan_removed')).toMatchObject([
          { tenantId, instanceId: gone, provider: 'process' },
        ]);
        expect(await replica.run()).toMatchObject({ progress: { message: 'nothing to remove' } });
      } finally {
        for (const id of [kept, gone]) await provider.deprovision(id!);
      }
    });

    it('end nothing that a restored backup does not know, and go on when its rows are back', async () => {
      const provider = new ProcessProvider({ directory: await temporaryDirectory(), stopGrace: 0 });
      replica = await startReplica(database.url, provider);
      await replica.rows.addTenant(tenantId);
      const all = (await replica.create(tenantId, 6)).sort();
      try {
        await replica.sql('CREATE TABLE backup AS SELECT * FROM instances');
        await replica.sql('ALTER TABLE backup DROP COLUMN workload_id');
        await lose(all.slice(2));
        for (let n = 0; n < 3; n++) for (const worker of ['gc_stores', 'gc']) await replica.run(worker);
        expect(await runningOf(provider)).toEqual(all);
        expect(await replica.told('gc.brake_engaged')).toMatchObject([
          { tenantId, cause: 'lost_rows', orphans: 4 },
        ]);
        const columns = (await replica.sql(
          `SELECT string_agg(column_name, ', ') AS names FROM information_schema.columns
             WHERE table_name = 'backup'`,
        )) as [{ names: string }];
        const { names } = columns[0];
        await replica.sql(
          `INSERT INTO instances (${names}) SELECT ${names} FROM backup ON CONFLICT DO NOTHING`,
        );
        for (let n = 0; n < 2; n++) for (const worker of ['gc_stores', 'gc']) await replica.run(worker);
        expect(await replica.find(BrakeRepository).find(tenantId)).toBeUndefined();
        expect(await runningOf(provider)).toEqual(all);
        expect(await replica.told('instance.orphan_removed')).toEqual([]);
      } finally {
        for (const id of all) await provider.deprovision(id);
      }
    });

    it("know their own store only: what another replica runs stays, and is that one's to end", async () => {
      const here = new ProcessProvider({ directory: await temporaryDirectory(), stopGrace: 0 });
      const there = new ProcessProvider({ directory: await temporaryDirectory(), stopGrace: 0 });
      replica = await startReplica(database.url, here);
      const sibling = await startReplica(database.url, there);
      await replica.rows.addTenant(tenantId);
      const [mine] = await replica.create(tenantId, 1);
      const [kept, gone] = await sibling.create(tenantId, 2);
      try {
        await replica.sql('DELETE FROM instances WHERE id = $1', [gone]);
        for (let n = 0; n < 3; n++) await replica.run();
        expect(await runningOf(there)).toEqual([kept, gone].sort());
        await Promise.all([replica.run(), sibling.run()]);
        await Promise.all([replica.run(), sibling.run()]);
        expect(await runningOf(there)).toEqual([kept]);
        expect(await runningOf(here)).toEqual([mine]);
      } finally {
        await here.deprovision(mine!);
        for (const id of [kept, gone]) await there.deprovision(id!);
        await sibling.stop();
      }
    });
  });

  describe('over what has no row', () => {
    let provider: InMemoryProvider;
    const held = () => [...provider.running.keys()].sort();

    beforeEach(async () => {
      provider = new InMemoryProvider();
      replica = await startReplica(database.url, provider);
      await replica.rows.addTenant(tenantId);
    });

    it('conclude nothing from a list that breaks off, and say of which provider', async () => {
      const [kept, gone] = await replica.create(tenantId, 2);
      await replica.sql('DELETE FROM instances WHERE id = $1', [gone]);
      await replica.run();
      provider.afterList = () => Promise.reject(new Error('the daemon hung up'));
      for (let n = 0; n < 2; n++)
        expect(await replica.run()).toMatchObject({
          outcome: 'failed',
          error: { message: 'store_orphans: memory: the daemon hung up' },
        });
      expect(held()).toEqual([kept, gone].sort());
      provider.afterList = async () => undefined;
      await replica.run();
      expect(held()).toEqual([kept]);
    });

    it('conclude nothing from half a list but that the other half waits', async () => {
      const all = await replica.create(tenantId, 8);
      const [gone, ...kept] = all;
      await replica.sql('DELETE FROM instances WHERE id = $1', [gone]);
      const list = provider.list.bind(provider);
      let times = 0;
      provider.list = async (signal) => (await list(signal)).filter((_, n) => n % 2 === times++ % 2);
      // Each is in every other list: what is seen twice in a row is seen by two passes.
      for (let n = 0; n < 6; n++) await replica.run();
      expect(held()).toEqual(expect.arrayContaining(kept));
      provider.list = list;
      for (let n = 0; n < 2; n++) await replica.run();
      expect(held()).toEqual([...kept].sort());
      expect(await replica.told('gc.brake_engaged')).toEqual([]);
    });

    it('leave a store alone that a reconciler attends to', async () => {
      const [, gone] = await replica.create(tenantId, 2);
      await replica.sql('DELETE FROM instances WHERE id = $1', [gone]);
      await replica.sql(
        `INSERT INTO provider_stores (id, provider, holder, held_until, seen_at)
         VALUES ($1, 'memory', 'somebody', clock_timestamp(), clock_timestamp() - interval '50 minutes')`,
        [await provider.storeId()],
      );
      for (let n = 0; n < 3; n++) await replica.run();
      expect(held()).toContain(gone);
      await replica.sql(`UPDATE provider_stores SET seen_at = seen_at - interval '1 hour'`);
      for (let n = 0; n < 2; n++) await replica.run();
      expect(held()).not.toContain(gone);
    });

    it('remove what was deleted of a store that others may reach, and nothing else of it', async () => {
      provider.shared = true;
      const [kept, gone, lost, guarded] = await replica.create(tenantId, 4);
      await replica.sql('DELETE FROM instances WHERE id = $1', [gone]);
      await lose([lost!]);
      provider.running.get(guarded!)!.labels['ctrlplane.gc'] = 'protect';
      await replica.sql('DELETE FROM instances WHERE id = $1', [guarded]);
      for (let n = 0; n < 3; n++) await replica.run();
      expect(held()).toEqual([kept, lost, guarded].sort());
      expect(await replica.told('gc.brake_engaged')).toEqual([]);
    });

    it('use up nothing of the limit for what cannot be removed', async () => {
      await replica.stop();
      replica = await startReplica(database.url, provider, { maxItemsPerTick: 1 });
      const [stuck, gone, ...kept] = await replica.create(tenantId, 6);
      await replica.sql('DELETE FROM instances WHERE id = ANY ($1)', [[stuck, gone]]);
      provider.beforeDeprovision = async (id) => {
        if (id === stuck) throw new Error('the machine is on fire');
      };
      for (let n = 0; n < 2; n++) await replica.run();
      expect(held()).toEqual([stuck, ...kept].sort());
    });

    it('remove no more than the limit in a run, and nothing in a dry run', async () => {
      await replica.stop();
      replica = await startReplica(database.url, provider, { dryRun: true });
      const all = await replica.create(tenantId, 9);
      await replica.sql('DELETE FROM instances WHERE id = ANY ($1)', [all.slice(0, 3)]);
      for (let n = 0; n < 2; n++)
        expect(await replica.run()).toMatchObject({
          progress: { message: 'store_orphans: 3 left alone (dry run)' },
        });
      expect(held()).toHaveLength(9);
      await replica.stop();
      replica = await startReplica(database.url, provider, { maxItemsPerTick: 2 });
      const left: number[] = [];
      for (let n = 0; n < 3; n++) {
        await replica.run();
        left.push(held().length);
      }
      expect(left).toEqual([9, 7, 6]);
    });
  });
});
