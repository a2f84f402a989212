import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { eventually } from '../../../../test/support/eventually.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { InMemoryProvider } from '../../../../test/support/in-memory-provider.js';
import { InstanceRows } from '../../../../test/support/instance-rows.js';
import { type EndedRun } from '../../../core/history/run.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { ManualClock } from '../../../core/testing/manual-clock.js';
import { Clock } from '../../../core/timing/clock.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { EventBus } from '../../events/event-bus.js';
import { type InstanceId, newId, type TenantId } from '../../ids/typed-id.js';
import { ProviderRegistry } from '../../providers/provider.registry.js';
import { GarbageCollectorModule } from './garbage-collector.module.js';
import { type GarbageCollectorOptions } from './garbage-collector.options.js';
import { type OrphanCandidate, OrphanRepository, type SweptPage } from './orphan.repository.js';
import { TypeOrmOrphanRepository } from './typeorm-orphan.repository.js';

const HOUR = 3_600_000;

/** The real one, with a moment after each look and before each second one in which a test can interfere. */
@Injectable()
class ObservedOrphans extends TypeOrmOrphanRepository {
  afterSweep = async (_tenantIds: readonly TenantId[]): Promise<void> => {};
  beforeRecheck = async (_candidate: OrphanCandidate): Promise<void> => {};

  override async sweepAcrossTenants(
    ...args: Parameters<OrphanRepository['sweepAcrossTenants']>
  ): Promise<SweptPage> {
    const page = await super.sweepAcrossTenants(...args);
    await this.afterSweep(args[0]);
    return page;
  }
  override async claim(candidate: OrphanCandidate): Promise<boolean> {
    await this.beforeRecheck(candidate);
    return super.claim(candidate);
  }
}

describe('GarbageCollector', () => {
  let app: TestingModule;
  let clock: ManualClock;
  let orphans: ObservedOrphans;
  let provider: InMemoryProvider;
  let rows: InstanceRows;
  let logs: string[];
  let database: { url: string; drop(): Promise<void> };

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    clock = new ManualClock();
    logs = [];
  });
  afterEach(async () => {
    const closed = app?.close();
    await clock.advance('1m');
    await closed;
    await database.drop();
  });

  async function start(options: GarbageCollectorOptions = {}): Promise<void> {
    const note = (text: unknown) => logs.push(String(text));
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 0 } }),
        // What the brake does has a spec of its own.
        GarbageCollectorModule.forRoot({ instanceGracePeriod: '1h', brake: false, ...options }),
      ],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .overrideProvider(OrphanRepository)
      .useClass(ObservedOrphans)
      .setLogger({ log: note, warn: note, error: note })
      .compile();
    await app.init();
    provider = new InMemoryProvider();
    app.get(ProviderRegistry, { strict: false }).register('memory', provider);
    orphans = app.get(OrphanRepository, { strict: false });
    rows = new InstanceRows(app.get(DataSource));
  }

  const tick = async (): Promise<EndedRun> => (await app.get(Scheduler).trigger('gc')).ended;
  const orphan = (tenantId: TenantId, age = 2 * HOUR): Promise<InstanceId> =>
    rows.addInstance({ tenantId, workloadId: newId('workload'), age });
  const told = async (type: string) => {
    const { items } = await asSystem(() =>
      app.get(EventBus, { strict: false }).recent({ type, limit: 1000 }),
    );
    return items.toReversed().map(({ tenantId, payload }) => ({ tenantId, ...payload }));
  };

  it('deletes an orphan at its provider and in the store, and tells it once, with reason and workload', async () => {
    await start();
    const tenantId = newId('tenant');
    const workloadId = newId('workload');
    const instanceId = await rows.addInstance({ tenantId, workloadId, age: 2 * HOUR });
    expect(await tick()).toMatchObject({
      outcome: 'succeeded',
      progress: { done: 1, message: '1 instances examined, 1 of 1 orphans deleted' },
    });
    expect(provider.done).toEqual([`deprovision ${instanceId}`]);
    expect(await rows.instancesOf(tenantId)).toEqual([]);
    expect(await told('instance.deleted')).toMatchObject([
      { tenantId, instanceId, workloadId, reason: 'orphan_swept' },
    ]);
    await tick();
    expect(await told('instance.deleted')).toHaveLength(1);
  });

  it('keeps what is no orphan: with a workload, without a label, with a malformed one, protected, or too young', async () => {
    await start();
    const tenantId = newId('tenant');
    const age = 2 * HOUR;
    const kept = [
      await rows.addInstance({ tenantId, workloadId: await rows.addWorkload(tenantId), age: age + 9 }),
      await rows.addInstance({ tenantId, age: age + 8 }),
      await rows.addInstance({ tenantId, workloadId: 'wkl_1', age: age + 7 }),
      await rows.addInstance({ tenantId, workloadId: newId('tenant'), age: age + 6 }),
      await rows.addInstance({ tenantId, workloadId: '', age: age + 5 }),
      await rows.addInstance({ tenantId, workloadId: newId('workload'), age: age + 4, protected: true }),
      await orphan(tenantId, HOUR - 60_000),
    ];
    expect(await tick()).toMatchObject({ outcome: 'succeeded' });
    expect(await rows.instancesOf(tenantId)).toEqual(kept);
    expect(provider.done).toEqual([]);
    expect(await told('gc.tenant_failed')).toEqual([]);
  });

  it('covers every tenant that has instances, however many, and also those that exist no more', async () => {
    await start();
    const tenants = Array.from({ length: 45 }, () => newId('tenant'));
    for (const tenantId of tenants) await orphan(tenantId);
    expect(await tick()).toMatchObject({
      progress: { done: 45, message: '45 instances examined, 45 of 45 orphans deleted' },
    });
    for (const tenantId of tenants) expect(await rows.instancesOf(tenantId)).toEqual([]);
  });

  it('examines n instances of a tenant in a tick, oldest first, and starves nobody behind instances that stay', async () => {
    await start({ maxInstancesPerTick: 3 });
    const tenantId = newId('tenant');
    const workloadId = await rows.addWorkload(tenantId);
    for (let i = 0; i < 6; i++) await rows.addInstance({ tenantId, workloadId, age: 5 * HOUR - i });
    await orphan(tenantId, 4 * HOUR);
    await tick();
    await tick();
    expect(await rows.instancesOf(tenantId)).toHaveLength(7);
    await tick();
    expect(await rows.instancesOf(tenantId)).toHaveLength(6);
  });

  describe('right before the deletion', () => {
    it('keeps an instance whose workload has come back', async () => {
      await start();
      const tenantId = newId('tenant');
      const workloadId = newId('workload');
      const id = await rows.addInstance({ tenantId, workloadId, age: 2 * HOUR });
      orphans.afterSweep = async () => void (await rows.addWorkload(tenantId, workloadId));
      expect(await tick()).toMatchObject({ outcome: 'succeeded' });
      expect(await rows.instancesOf(tenantId)).toEqual([id]);
    });

    it('keeps an instance whose workload came back while it waited for the lock of the row', async () => {
      await start();
      const tenantId = newId('tenant');
      const workloadId = newId('workload');
      const id = await rows.addInstance({ tenantId, workloadId, age: 2 * HOUR });
      const holder = app.get(DataSource).createQueryRunner();
      await holder.connect();
      try {
        await holder.startTransaction();
        await holder.query('SELECT FROM instances WHERE id = $1 FOR UPDATE', [id]);
        const ticking = tick();
        await eventually(async () => {
          const [{ waiting }] = await app.get(DataSource).query<[{ waiting: number }]>(
            `SELECT count(*)::int AS waiting FROM pg_stat_activity
              WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          );
          return waiting > 0;
        });
        await rows.addWorkload(tenantId, workloadId);
        await holder.commitTransaction();
        expect(await ticking).toMatchObject({ outcome: 'succeeded' });
      } finally {
        await holder.release();
      }
      expect(await rows.instancesOf(tenantId)).toEqual([id]);
      expect(provider.done).toEqual([]);
      expect(await rows.statesOf(tenantId)).toEqual(['running']);
    });

    it('keeps an instance that has been protected', async () => {
      await start();
      const tenantId = newId('tenant');
      const id = await orphan(tenantId);
      orphans.afterSweep = () =>
        app
          .get(DataSource)
          .query(`UPDATE instances SET labels = labels || '{"ctrlplane.gc": "protect"}' WHERE id = $1`, [id]);
      await tick();
      expect(await rows.instancesOf(tenantId)).toEqual([id]);
    });

    it('keeps an instance when the store cannot say, and tells that the tenant failed', async () => {
      await start();
      const [tenantId, other] = [newId('tenant'), newId('tenant')];
      const id = await orphan(tenantId);
      await orphan(other);
      orphans.beforeRecheck = async (candidate) => {
        if (candidate.instanceId === id) throw new Error('connection reset');
      };
      expect(await tick()).toMatchObject({ outcome: 'succeeded' });
      expect(await rows.instancesOf(tenantId)).toEqual([id]);
      expect(await told('gc.tenant_failed')).toEqual([{ tenantId, error: 'connection reset', failures: 1 }]);
    });
  });

  it('removes no more than its limit in a tick, and by the next what the limit left', async () => {
    await start({ maxInstancesPerTick: 2, maxItemsPerTick: 1 });
    const tenantId = newId('tenant');
    for (let i = 0; i < 2; i++) await orphan(tenantId, 4 * HOUR - i);
    const workloadId = await rows.addWorkload(tenantId);
    for (let i = 0; i < 2; i++) await rows.addInstance({ tenantId, workloadId, age: 3 * HOUR });
    await tick();
    expect(await rows.instancesOf(tenantId)).toHaveLength(3);
    await tick();
    expect(await rows.instancesOf(tenantId)).toHaveLength(2);
  });

  describe('a tenant in trouble', () => {
    it('uses up nothing of the limit', async () => {
      await start({ maxInstancesPerTick: 2, maxItemsPerTick: 1 });
      const tenantId = newId('tenant');
      const stuck = [await orphan(tenantId, 5 * HOUR), await orphan(tenantId, 4 * HOUR)];
      for (let i = 0; i < 2; i++) await orphan(tenantId, 3 * HOUR - i);
      await orphan(newId('tenant'));
      provider.beforeDeprovision = async (id) => {
        if (stuck.includes(id)) throw new Error('the machine is on fire');
      };
      for (let n = 0; n < 6; n++) await tick();
      expect(await rows.instancesOf(tenantId)).toEqual(stuck);
      expect(await told('instance.deleted')).toHaveLength(3);
    });

    it('is told once a tick, keeps nobody waiting, and is tried again by the next', async () => {
      await start();
      const [broken, well] = [newId('tenant'), newId('tenant')];
      const stuck = [await orphan(broken, 4 * HOUR), await orphan(broken, 3 * HOUR)];
      const healthy = await orphan(broken, 2 * HOUR);
      await orphan(well);
      provider.beforeDeprovision = async (id) => {
        if (stuck.includes(id)) throw new Error('the machine is on fire');
      };
      expect(await tick()).toMatchObject({
        outcome: 'succeeded',
        progress: { message: '4 instances examined, 2 of 4 orphans deleted, 1 tenants failed' },
      });
      expect(await rows.instancesOf(broken)).toEqual(stuck);
      expect(provider.done).toContain(`deprovision ${healthy}`);
      expect(await rows.instancesOf(well)).toEqual([]);
      expect(await told('gc.tenant_failed')).toEqual([
        { tenantId: broken, failures: 2, error: expect.stringContaining('the machine is on fire') },
      ]);

      provider.beforeDeprovision = async () => undefined;
      await tick();
      expect(await rows.instancesOf(broken)).toEqual([]);
      expect(await told('instance.deleted')).toHaveLength(4);
    });

    it('keeps the rows of instances whose provider is not registered: what runs there must not be forgotten', async () => {
      await start();
      const tenantId = newId('tenant');
      const id = await rows.addInstance({
        tenantId,
        workloadId: newId('workload'),
        age: 2 * HOUR,
        provider: 'docker',
      });
      await orphan(newId('tenant'));
      await tick();
      expect(await rows.instancesOf(tenantId)).toEqual([id]);
      expect(await told('gc.tenant_failed')).toMatchObject([
        { tenantId, error: expect.stringContaining('docker') },
      ]);
    });

    it('whose instances cannot be read hides no other tenant of the same query', async () => {
      await start();
      const [broken, well] = [newId('tenant'), newId('tenant')];
      await orphan(broken);
      await orphan(well);
      orphans.afterSweep = async (tenantIds) => {
        if (tenantIds.includes(broken)) throw new Error('invalid page in block 7');
      };
      expect(await tick()).toMatchObject({ outcome: 'succeeded' });
      expect(await rows.instancesOf(well)).toEqual([]);
      expect(await told('gc.tenant_failed')).toEqual([
        { tenantId: broken, error: 'invalid page in block 7', failures: 1 },
      ]);
    });

    it('makes the run fail when no tenant could be swept', async () => {
      await start();
      await orphan(newId('tenant'));
      orphans.beforeRecheck = () => Promise.reject(new Error('no'));
      expect(await tick()).toMatchObject({
        outcome: 'failed',
        error: { message: expect.stringContaining('Not one of 1') },
      });
    });
  });

  it('deletes nothing in a dry run, tells nothing, and says in log and record what it would have done', async () => {
    await start({ dryRun: true });
    const tenantId = newId('tenant');
    const id = await orphan(tenantId);
    expect(await tick()).toMatchObject({
      progress: { message: '1 instances examined, 1 orphans left alone (dry run)' },
    });
    expect(await rows.instancesOf(tenantId)).toEqual([id]);
    expect(provider.done).toEqual([]);
    expect(await told('instance.deleted')).toEqual([]);
    expect(logs).toContainEqual(expect.stringMatching(`^Dry run: would delete ${id} of ${tenantId}`));
  });

  it('stops between two deletions when its run is aborted; the next run deletes the rest', async () => {
    await start();
    const tenantId = newId('tenant');
    const [first, second] = [await orphan(tenantId, 3 * HOUR), await orphan(tenantId, 2 * HOUR)];
    let drained: Promise<void> | undefined;
    provider.afterDeprovision = async () => {
      drained ??= app.get(Scheduler).stop();
      await clock.advance(0);
    };
    await tick();
    expect(await rows.instancesOf(tenantId)).toEqual([second]);
    expect(provider.done).toEqual([`deprovision ${first}`]);
    await clock.advance('1m');
    await drained;
    app.get(Scheduler).start();
    expect(await tick()).toMatchObject({ outcome: 'succeeded' });
    expect(await rows.instancesOf(tenantId)).toEqual([]);
  });

  it.each<[GarbageCollectorOptions, RegExp]>([
    [{ interval: '5 bananas' as never }, /interval: '5 bananas' is not a duration/],
    [{ maxInstancesPerTick: 0 }, /maxInstancesPerTick: 0 is not a whole number from 1 to 100000/],
    [
      { instanceGracePeriod: -1, maxInstancesPerTick: 1.5 },
      /maxInstancesPerTick: 1\.5[^]*instanceGracePeriod: -1/,
    ],
    [{ grace: 5 } as never, /grace/],
    [{ skip: ['router'] }, /skip: there is no garbage pass "router". There are instances, tenants, /],
    [{ brake: true as never }, /brake: .*expected object/],
    [
      { brake: { share: 1.5, minimum: 0, confirmAfter: 'soon' as never } },
      /brake\.share: 1\.5 is not a share from 0 to 1[^]*brake\.minimum: 0[^]*brake\.confirmAfter: 'soon'/,
    ],
  ])('refuses the options %p', async (options, message) => {
    await expect(start({ instanceGracePeriod: '1h', ...options })).rejects.toThrow(message);
  });
});
