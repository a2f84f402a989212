import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { InMemoryProvider } from '../../../../test/support/in-memory-provider.js';
import { InstanceRows } from '../../../../test/support/instance-rows.js';
import { type EndedRun } from '../../../core/history/run.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { ManualClock } from '../../../core/testing/manual-clock.js';
import { Clock } from '../../../core/timing/clock.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { withClaims } from '../../auth/claims.js';
import { EventBus } from '../../events/event-bus.js';
import { type InstanceId, newId, type TenantId, type WorkloadId } from '../../ids/typed-id.js';
import { ProviderRegistry } from '../../providers/provider.registry.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { GarbageCollectorBrakes } from '../../brakes/brakes.service.js';
import { GarbageCollectorModule } from './garbage-collector.module.js';
import { type GarbageCollectorOptions } from './garbage-collector.options.js';

const HOUR = 3_600_000;

describe('The brake of the garbage collector', () => {
  let app: TestingModule;
  let clock: ManualClock;
  let provider: InMemoryProvider;
  let rows: InstanceRows;
  let brakes: GarbageCollectorBrakes;
  let database: { url: string; drop(): Promise<void> };

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
  });
  afterEach(async () => {
    await stop();
    await database.drop();
  });

  async function start(options: GarbageCollectorOptions = {}): Promise<void> {
    clock = new ManualClock();
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 0 } }),
        GarbageCollectorModule.forRootAsync({
          useFactory: () => ({ instanceGracePeriod: '1h', ...options }),
        }),
      ],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .setLogger(false as never)
      .compile();
    await app.init();
    provider = new InMemoryProvider();
    app.get(ProviderRegistry, { strict: false }).register('memory', provider);
    brakes = app.get(GarbageCollectorBrakes, { strict: false });
    rows = new InstanceRows(app.get(DataSource));
  }

  async function stop(): Promise<void> {
    const closed = app?.close();
    await clock.advance('1m');
    await closed;
  }

  const sql = (statement: string, values?: unknown[]) => app.get(DataSource).query(statement, values);
  const tick = async (): Promise<EndedRun> => (await app.get(Scheduler).trigger('gc')).ended;
  /** The database's clock goes on by that much, as far as brakes are concerned. */
  const later = (minutes: number) =>
    sql(`UPDATE gc_brakes SET seen_since = seen_since - make_interval(mins => $1)`, [minutes]);
  const told = async (type: string) => {
    const { items } = await asSystem(() =>
      app.get(EventBus, { strict: false }).recent({ type, limit: 1000 }),
    );
    return items.toReversed().map(({ tenantId, payload }) => ({ tenantId, ...payload }));
  };
  const brakeOf = (tenantId: TenantId) => asSystem(() => brakes.find(tenantId));
  const shown = async (tenantId: TenantId): Promise<InstanceId[]> => {
    const { items } = await asSystem(() => brakes.instances(tenantId, { limit: 1000 }));
    return items.map(({ instanceId }) => instanceId);
  };

  /** A tenant with n instances of one workload, the first the oldest. */
  async function tenantWith(count: number, age = 2 * HOUR) {
    const tenantId = newId('tenant');
    const workloadId = await rows.addWorkload(tenantId);
    const ids: InstanceId[] = [];
    for (let i = 0; i < count; i++) ids.push(await rows.addInstance({ tenantId, workloadId, age: age - i }));
    return { tenantId, workloadId, ids };
  }

  it('deletes nothing when the workloads are lost, tells so once, and shows exactly what it holds back', async () => {
    await start();
    const [large, small] = [await tenantWith(12), await tenantWith(3)];
    await sql('TRUNCATE workloads');
    for (let passes = 0; passes < 3; passes++)
      expect(await tick()).toMatchObject({
        outcome: 'succeeded',
        progress: {
          message: '15 instances examined, 0 of 15 orphans deleted, the brake holds in 2 tenants',
        },
      });
    for (const { tenantId, ids } of [large, small]) {
      expect(await rows.instancesOf(tenantId)).toEqual(ids);
      expect(await rows.statesOf(tenantId)).toEqual(ids.map(() => 'running'));
      expect(new Set(await shown(tenantId))).toEqual(new Set(ids));
    }
    expect(provider.done).toEqual([]);
    const engaged = await told('gc.brake_engaged');
    expect(engaged).toHaveLength(2);
    expect(engaged).toContainEqual({
      tenantId: large.tenantId,
      cause: 'lost_workloads',
      orphans: 12,
      examined: 12,
      set: (await brakeOf(large.tenantId))!.set,
      confirmAfterMs: 900_000,
      instances: expect.arrayContaining(large.ids),
    });
    expect(await brakes.health()).toEqual({
      status: 'degraded',
      held: expect.arrayContaining([{ tenantId: small.tenantId, state: 'engaged', orphans: 3, examined: 3 }]),
      heldByPasses: [],
    });
  });

  it('is over without a deletion once the workloads are back', async () => {
    await start();
    const { tenantId, workloadId, ids } = await tenantWith(12);
    await sql('TRUNCATE workloads');
    await tick();
    await rows.addWorkload(tenantId, workloadId);
    await later(16);
    await tick();
    expect(await rows.instancesOf(tenantId)).toEqual(ids);
    expect(await told('gc.brake_released')).toMatchObject([{ tenantId, reason: 'recovered', orphans: 12 }]);
    expect(await brakes.health()).toEqual({ status: 'ok', held: [], heldByPasses: [] });
  });

  it('lets go what two passes saw so far apart, whichever replica makes the second', async () => {
    await start();
    const { tenantId } = await tenantWith(12);
    await sql('TRUNCATE workloads');
    await tick();
    await later(14);
    await tick();
    expect(await rows.instancesOf(tenantId)).toHaveLength(12);
    await stop();
    await start();
    await later(1);
    expect(await tick()).toMatchObject({
      progress: { message: '12 instances examined, 12 of 12 orphans deleted' },
    });
    expect(await rows.instancesOf(tenantId)).toEqual([]);
    expect(await told('gc.brake_released')).toMatchObject([{ tenantId, reason: 'confirmed', orphans: 12 }]);
    expect(await told('instance.deleted')).toHaveLength(12);
    await tick();
    expect(await brakeOf(tenantId)).toBeUndefined();
    expect(await told('gc.brake_released')).toHaveLength(1);
  });

  it.each([
    [
      'grows',
      (tenantId: TenantId) => rows.addInstance({ tenantId, workloadId: newId('workload'), age: 2 * HOUR }),
    ],
    ['shrinks', (_: TenantId, [first]: InstanceId[]) => rows.removeInstance(first!)],
  ] as const)('begins to wait anew when the set %s', async (_, change) => {
    await start();
    const { tenantId, ids } = await tenantWith(12);
    await sql('TRUNCATE workloads');
    await tick();
    await change(tenantId, ids);
    await later(16);
    await tick();
    const left = await rows.instancesOf(tenantId);
    expect(left.length).toBeGreaterThanOrEqual(11);
    expect(new Set(await shown(tenantId))).toEqual(new Set(left));
    await later(15);
    await tick();
    expect(await rows.instancesOf(tenantId)).toEqual([]);
  });

  it('deletes exactly the set that an operator has confirmed, over as many ticks as it takes', async () => {
    await start({ maxInstancesPerTick: 5 });
    const { tenantId, ids } = await tenantWith(12);
    await sql('TRUNCATE workloads');
    await tick();
    const { set } = (await brakeOf(tenantId))!;
    await asSystem(() => brakes.confirm(tenantId, set));
    const newcomers = [
      await rows.addInstance({ tenantId, workloadId: newId('workload'), age: 9 * HOUR }),
      await rows.addInstance({ tenantId, workloadId: newId('workload'), age: 2 * HOUR - 12 }),
    ];
    for (let i = 0; i < 4; i++) await tick();
    expect(await rows.instancesOf(tenantId)).toEqual(newcomers);
    expect((await told('instance.deleted')).map((event) => (event as never)['instanceId'])).toEqual(
      expect.arrayContaining(ids),
    );
    expect(await told('gc.brake_released')).toMatchObject([
      { tenantId, reason: 'confirmed', set, by: 'system:test' },
    ]);
  });

  it('takes no word on a set that has changed since it was shown, nor on none, nor from a tenant', async () => {
    await start();
    const { tenantId, ids } = await tenantWith(12);
    await sql('TRUNCATE workloads');
    await tick();
    const { set } = (await brakeOf(tenantId))!;
    await rows.removeInstance(ids[0]!);
    await tick();
    await expect(asSystem(() => brakes.confirm(tenantId, set))).rejects.toThrow(/has changed/);
    await expect(asSystem(() => brakes.confirm(newId('tenant'), set))).rejects.toThrow(/nothing back/);
    const tenant = { subject: 'user:eve', tenantId, roles: [] };
    await expect(withClaims(tenant, () => brakes.confirm(tenantId, set))).rejects.toThrow(/across tenants/);
    await expect(withClaims(tenant, () => brakes.find(newId('tenant')))).rejects.toThrow(/access to tenant/);
    await tick();
    expect(await rows.instancesOf(tenantId)).toHaveLength(11);
  });

  it('keeps what an operator has refused, however long and whatever else comes, until it is confirmed', async () => {
    await start();
    const { tenantId } = await tenantWith(12);
    await sql('TRUNCATE workloads');
    await tick();
    await asSystem(async () => brakes.refuse(tenantId, (await brakes.find(tenantId))!.set));
    await rows.addInstance({ tenantId, workloadId: newId('workload'), age: 2 * HOUR });
    for (let i = 0; i < 3; i++) {
      await later(60);
      await tick();
    }
    expect(await rows.instancesOf(tenantId)).toHaveLength(13);
    expect(await told('gc.brake_refused')).toMatchObject([{ tenantId, by: 'system:test' }]);
    expect((await brakes.health()).held).toMatchObject([{ state: 'refused', orphans: 13 }]);
    await asSystem(async () => brakes.confirm(tenantId, (await brakes.find(tenantId))!.set));
    await tick();
    expect(await rows.instancesOf(tenantId)).toEqual([]);
  });

  it('stops a confirmed deletion at once when it is refused after all', async () => {
    await start();
    const { tenantId } = await tenantWith(12);
    await sql('TRUNCATE workloads');
    await tick();
    await asSystem(async () => brakes.confirm(tenantId, (await brakes.find(tenantId))!.set));
    provider.afterDeprovision = async () => {
      if (provider.done.length === 3)
        await asSystem(async () => brakes.refuse(tenantId, (await brakes.find(tenantId))!.set));
    };
    await tick();
    expect(await rows.instancesOf(tenantId)).toHaveLength(9);
  });

  it('engages for many small tenants as for a large one, also when their workloads were deleted', async () => {
    await start();
    const tenants = [];
    for (let i = 0; i < 6; i++) {
      const tenant = await tenantWith(3);
      await rows.addWorkload(tenant.tenantId);
      tenants.push(tenant);
    }
    const lost = tenants.slice(0, 5);
    await sql('DELETE FROM workloads WHERE id = ANY ($1)', [lost.map(({ workloadId }) => workloadId)]);
    await tick();
    for (const { tenantId, ids } of tenants) expect(await rows.instancesOf(tenantId)).toEqual(ids);
    expect(await told('gc.brake_engaged')).toHaveLength(5);
    expect((await told('gc.brake_engaged'))[0]).toMatchObject({ cause: 'all_tenants' });
  });

  it('engages when just half looks orphaned, as of a fleet that was made anew beside what it has lost', async () => {
    await start();
    const { tenantId } = await tenantWith(10);
    const gone = await rows.addDeletedWorkload(tenantId);
    for (let i = 0; i < 10; i++) await rows.addInstance({ tenantId, workloadId: gone, age: 3 * HOUR });
    await tick();
    expect(await rows.instancesOf(tenantId)).toHaveLength(20);
    expect(await told('gc.brake_engaged')).toMatchObject([{ cause: 'tenant', orphans: 10, examined: 20 }]);
  });

  it('stays out of what is ordinary: few orphans, or many among many more, also when the oldest are all orphans', async () => {
    await start({ maxInstancesPerTick: 20 });
    await tenantWith(30);
    const few = await tenantWith(3);
    await rows.addWorkload(few.tenantId);
    await rows.deleteWorkload(few.workloadId);
    const { tenantId, ids } = await tenantWith(50);
    const gone = await rows.addDeletedWorkload(tenantId);
    for (let i = 0; i < 20; i++) await rows.addInstance({ tenantId, workloadId: gone, age: 5 * HOUR });
    await tick();
    expect(await rows.instancesOf(few.tenantId)).toEqual([]);
    expect(await rows.instancesOf(tenantId)).toEqual(ids);
    expect(await told('gc.brake_engaged')).toEqual([]);
  });

  describe('where workloads are lost, and not deleted', () => {
    it.each<[string, (tenantId: TenantId, workloadId: WorkloadId) => Promise<unknown>]>([
      ['emptied, and made anew before it looks', () => sql('TRUNCATE workloads')],
      [
        'all deleted by one statement',
        (tenantId) => sql('DELETE FROM workloads WHERE tenant_id = $1', [tenantId]),
      ],
      [
        'under another id',
        (_, workloadId) => sql('UPDATE workloads SET id = $2 WHERE id = $1', [workloadId, newId('workload')]),
      ],
      [
        'deleted without triggers, as a restore does it',
        (_, workloadId) =>
          app.get(DataSource).transaction(async (manager) => {
            await manager.query(`SET LOCAL session_replication_role = replica`);
            await manager.query('DELETE FROM workloads WHERE id = $1', [workloadId]);
          }),
      ],
      [
        'lost after they were restored from a deletion',
        async (tenantId, workloadId) => {
          await rows.addWorkload(tenantId);
          await rows.deleteWorkload(workloadId);
          await rows.addWorkload(tenantId, workloadId);
          await sql('TRUNCATE workloads');
        },
      ],
    ])('engages however few instances there are: %s', async (_, lose) => {
      await start();
      const { tenantId, workloadId, ids } = await tenantWith(2);
      const other = await rows.addWorkload(tenantId);
      for (let i = 0; i < 2; i++)
        ids.push(await rows.addInstance({ tenantId, workloadId: other, age: HOUR * 1.5 - i }));
      await lose(tenantId, workloadId);
      for (let i = 0; i < 5; i++) await tenantWith(4);
      const anew = await rows.addWorkload(tenantId);
      for (let i = 0; i < 2; i++)
        ids.push(await rows.addInstance({ tenantId, workloadId: anew, age: HOUR * 1.2 - i }));
      for (let i = 0; i < 3; i++) await tick();
      expect(await rows.instancesOf(tenantId)).toEqual(ids);
      expect(await told('gc.brake_engaged')).toMatchObject([{ tenantId, cause: 'lost_workloads' }]);
      expect(provider.done).toEqual([]);
    });

    it('engages for a single one whose workload never was, and not for what a deletion has left', async () => {
      await start();
      const [lost, deleted] = [await tenantWith(5), await tenantWith(5)];
      const id = await rows.addInstance({
        tenantId: lost.tenantId,
        workloadId: newId('workload'),
        age: 3 * HOUR,
      });
      const workloadId = await rows.addDeletedWorkload(deleted.tenantId);
      await rows.addInstance({ tenantId: deleted.tenantId, workloadId, age: 3 * HOUR });
      await tick();
      expect(await shown(lost.tenantId)).toEqual([id]);
      expect(await rows.instancesOf(deleted.tenantId)).toEqual(deleted.ids);
    });
  });

  describe('where a tenant is gone before its instances', () => {
    it.each([
      ['DELETE FROM tenants WHERE id = $1', true],
      ['TRUNCATE tenants', false],
    ])('holds all of them back, then deletes them with the workloads: %s', async (statement, isDeletion) => {
      await start({ instanceGracePeriod: 0 });
      const { tenantId, ids } = await tenantWith(3);
      await sql(`INSERT INTO datacenters (id, tenant_id, name) VALUES ($1, $2, 'main')`, [
        newId('datacenter'),
        tenantId,
      ]);
      if (isDeletion) await tenantWith(1);
      await sql(statement, isDeletion ? [tenantId] : []);
      for (let i = 0; i < 2; i++) await tick();
      expect(await rows.instancesOf(tenantId)).toEqual(ids);
      expect(await told('gc.brake_engaged')).toMatchObject([{ tenantId, cause: 'lost_tenant', orphans: 3 }]);
      await asSystem(async () => brakes.confirm(tenantId, (await brakes.find(tenantId))!.set));
      for (let i = 0; i < 2; i++) await tick();
      expect(await rows.instancesOf(tenantId)).toEqual([]);
      expect(provider.done).toHaveLength(3);
      const left = (table: string) => sql(`SELECT FROM ${table} WHERE tenant_id = $1`, [tenantId]);
      expect(await left('workloads')).toEqual([]);
      expect(await left('datacenters')).toEqual([]);
      expect(await brakes.health()).toEqual({ status: 'ok', held: [], heldByPasses: [] });
    });

    it('keeps its workloads while one of their instances is in no confirmed set', async () => {
      await start();
      const { tenantId, workloadId, ids } = await tenantWith(2);
      await sql('DELETE FROM tenants');
      await tick();
      const { set } = (await brakeOf(tenantId))!;
      await asSystem(() => brakes.confirm(tenantId, set));
      await sql(
        `INSERT INTO instances (id, tenant_id, name, provider, labels, spec)
         SELECT $1, tenant_id, name, provider, labels, spec FROM instances WHERE id = $2`,
        [newId('instance'), ids[0]],
      );
      await tick();
      expect(await rows.instancesOf(tenantId)).toHaveLength(1);
      expect(await sql('SELECT id FROM workloads WHERE tenant_id = $1', [tenantId])).toEqual([
        { id: workloadId },
      ]);
    });

    it('is over when the tenant is back', async () => {
      await start();
      const { tenantId, ids } = await tenantWith(3);
      await sql('DELETE FROM tenants');
      await tick();
      await rows.addTenant(tenantId);
      await later(16);
      await tick();
      expect(await rows.instancesOf(tenantId)).toEqual(ids);
      expect(await told('gc.brake_released')).toMatchObject([{ tenantId, reason: 'recovered' }]);
    });

    it('leaves alone what stands for itself, of a tenant that never was', async () => {
      await start();
      const tenantId = newId('tenant');
      const id = await rows.addInstance({ tenantId, age: 2 * HOUR });
      await app.get(DataSource).transaction(async (manager) => {
        await manager.query(`SET LOCAL session_replication_role = replica`);
        await manager.query('DELETE FROM tenants');
      });
      await tick();
      expect(await rows.instancesOf(tenantId)).toEqual([id]);
      expect(await told('gc.brake_engaged')).toEqual([]);
    });
  });

  it('judges the whole of a tenant also where a tick examines few of it', async () => {
    await start({ maxInstancesPerTick: 5 });
    await tenantWith(100);
    const { tenantId, workloadId, ids } = await tenantWith(13);
    await tick();
    await tick(); // the next one examines the last three
    await rows.addWorkload(tenantId);
    await rows.deleteWorkload(workloadId);
    for (let i = 0; i < 3; i++) await tick();
    expect(await rows.instancesOf(tenantId)).toEqual(ids);
    expect(await shown(tenantId)).toHaveLength(13);
  });

  it('holds in no dry run and goes when it is turned off', async () => {
    await start({ dryRun: true });
    const { tenantId } = await tenantWith(12);
    await sql('TRUNCATE workloads');
    await tick();
    expect(await brakeOf(tenantId)).toBeUndefined();
    await stop();
    await start();
    await tick();
    expect(await brakeOf(tenantId)).toBeDefined();
    await stop();
    await start({ brake: false });
    await tick();
    expect(await rows.instancesOf(tenantId)).toEqual([]);
    expect(await told('gc.brake_released')).toMatchObject([{ reason: 'turned_off' }]);
  });
});
