import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { InMemoryProvider } from '../../../../test/support/in-memory-provider.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { EventBus } from '../../events/event-bus.js';
import { type TenantId } from '../../ids/typed-id.js';
import { UnknownInstanceError } from '../../instances/instance.errors.js';
import { InstancesService } from '../../instances/instances.service.js';
import { ProviderRegistry } from '../../providers/provider.registry.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { UnknownTenantError } from '../../tenants/tenant.errors.js';
import { TenantsModule } from '../../tenants/tenants.module.js';
import { TenantsService } from '../../tenants/tenants.service.js';
import { UnknownWorkloadError } from '../../workloads/workload.errors.js';
import { WorkloadsService } from '../../workloads/workloads.service.js';
import { GarbageCollectorModule } from './garbage-collector.module.js';

const TENANTS = 3;
/** What may come of asking for something that somebody else is removing. */
const GONE = [UnknownWorkloadError, UnknownTenantError, UnknownInstanceError];

describe('The collector, deletions of workloads and deletions of tenants at the same time', () => {
  let app: TestingModule;
  let database: { url: string; drop(): Promise<void> };
  let provider: InMemoryProvider;
  let pool: pg.Pool;

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    pool = new pg.Pool({ connectionString: database.url, max: 6 });
  });
  afterEach(async () => {
    await app.close();
    await pool.end();
    await database.drop();
  });

  const find = <T>(type: abstract new (...args: never[]) => T): T =>
    app.get<T>(type as never, { strict: false });

  async function start(settings: Record<string, string>): Promise<void> {
    for (const [name, value] of Object.entries(settings))
      await pool.query(`DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET ${name} = ''${value}''', current_database()); END$$`); // prettier-ignore
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        TenantsModule,
        WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 100 } }),
        GarbageCollectorModule.forRoot({ interval: '1h', instanceGracePeriod: 0, brake: false }),
      ],
    })
      .setLogger(false as never)
      .compile();
    await app.init();
    provider = new InMemoryProvider();
    find(ProviderRegistry).register('memory', provider);
  }

  /** A tenant with a workload, and another one whose row is lost. */
  async function tenantWithOrphans(name: string): Promise<TenantId> {
    const { id } = await find(TenantsService).create({ name });
    const request = { provider: 'memory', spec: { command: ['true'] }, replicas: 3 };
    await find(WorkloadsService).create(id, { ...request, name: 'web' });
    const lost = await find(WorkloadsService).create(id, { ...request, name: 'lost' });
    await pool.query('DELETE FROM workloads WHERE id = $1', [lost.id]);
    return id;
  }

  /** Locks rows of instances, workloads and tenants in every order, each for a moment, until it is told to stop. */
  function getInTheWay(signal: AbortSignal): Promise<void>[] {
    return Array.from({ length: 4 }, async (_, n) => {
      for (let round = n; !signal.aborted; round++) {
        const client = await pool.connect();
        const tables = ['instances', 'workloads', 'tenants'];
        const order = round % 2 ? tables : tables.toReversed();
        try {
          await client.query('BEGIN');
          for (const table of order) {
            await client.query(`SELECT id FROM ${table} ORDER BY random() LIMIT 2 FOR UPDATE`);
            await client.query('SELECT pg_sleep(0.003)');
          }
          await client.query('COMMIT');
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^(40001|40P01)$/);
          await client.query('ROLLBACK');
        } finally {
          client.release();
        }
      }
    });
  }

  const tick = async () => (await find(Scheduler).trigger('gc')).ended;

  it.each([
    ['deadlocks', {}],
    ['serialization failures', { default_transaction_isolation: 'serializable' }],
    ['lost updates refused', { default_transaction_isolation: 'repeatable read' }],
  ])(
    'get through %s, and leave no half state',
    async (_, settings) => {
      await start({ deadlock_timeout: '5ms', ...settings });
      const tenants = await asSystem(() =>
        Promise.all(Array.from({ length: TENANTS }, (_, n) => tenantWithOrphans(`tenant-${n}`))),
      );
      const made = new Set(provider.running.keys());
      expect(made.size).toBe(6 * TENANTS);

      const end = new AbortController();
      const others = getInTheWay(end.signal);
      const outcomes = await asSystem(() =>
        Promise.allSettled([
          (async () => {
            for (let n = 0; n < 5; n++) await tick();
          })(),
          ...tenants.flatMap((id) => [
            (async () => {
              const { items } = await find(WorkloadsService).list(id);
              await Promise.all(
                items.flatMap((workload) => [
                  find(WorkloadsService).delete(id, workload.id),
                  find(WorkloadsService).delete(id, workload.id),
                  find(WorkloadsService).converge(id, workload.id),
                ]),
              );
            })(),
            (async () => {
              for (const { id: instance } of (await find(InstancesService).list(id)).items.slice(0, 2))
                await find(InstancesService).restart(id, instance);
            })(),
            find(TenantsService).delete(id),
            find(TenantsService).delete(id),
          ]),
        ]),
      ).finally(() => end.abort());
      const failures = outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [outcome.reason as Error] : [],
      );
      expect(failures.filter((error) => !GONE.some((type) => error instanceof type))).toEqual([]);
      await Promise.all(others);

      await asSystem(() => Promise.all(tenants.map((id) => find(TenantsService).delete(id))));
      expect((await tick()).outcome).toBe('succeeded');
      for (const table of ['instances', 'workloads', 'tenants'])
        expect((await pool.query(`SELECT id FROM ${table}`)).rows).toEqual([]);
      expect([...provider.running.keys()]).toEqual([]);
      const told = async (type: string) => {
        const { items } = await asSystem(() => find(EventBus).recent({ type, limit: 1_000 }));
        return items.map(({ payload }) =>
          String(payload.instanceId ?? payload.workloadId ?? payload.tenantId),
        );
      };
      const deleted = await told('instance.deleted');
      expect(deleted).toEqual([...new Set(deleted)]);
      for (const id of made) expect(deleted).toContain(id);
      expect((await told('tenant.deleted')).sort()).toEqual([...tenants].sort());
      expect(await told('workload.deleted')).toHaveLength(TENANTS);
    },
    120_000,
  );
});
