import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { asSystem } from '../../../../../test/support/control-plane.js';
import { createControlPlaneDatabase } from '../../../../../test/support/control-plane-database.js';
import { GarbageRows } from '../../../../../test/support/garbage-rows.js';
import { type EndedRun } from '../../../../core/history/run.js';
import { Scheduler } from '../../../../core/scheduler/scheduler.js';
import { ManualClock } from '../../../../core/testing/manual-clock.js';
import { Clock } from '../../../../core/timing/clock.js';
import { WorkerModule } from '../../../../core/worker.module.js';
import { PassBrakes } from '../../../brakes/pass-brakes.js';
import { EventBus } from '../../../events/event-bus.js';
import { newId, type TenantId, type WorkloadId } from '../../../ids/typed-id.js';
import { DatabaseModule } from '../../../schema/database.module.js';
import { GarbageCollectorModule } from '../garbage-collector.module.js';
import { type GarbageCollectorOptions } from '../garbage-collector.options.js';
import { passContext } from './garbage-pass.contract.js';
import { type GarbagePass } from './garbage-pass.js';
import { GarbagePasses } from './garbage-passes.js';
import { type Garbage, SweepPass } from './sweep-pass.js';

const HOUR = 3_600_000;

/** A pass over a list in memory. */
class Parcels extends SweepPass {
  readonly name: string = 'parcels';
  readonly description = 'Parcels that nobody wants.';
  constructor(readonly parcels: Map<string, Garbage>) {
    super();
  }
  protected async *pages(): AsyncIterable<readonly Garbage[]> {
    for (const parcel of [...this.parcels.values()]) yield [parcel];
  }
  protected async remove({ key }: Garbage): Promise<boolean> {
    return this.parcels.delete(key);
  }
}

const parcel = (key: string, more: Partial<Garbage> = {}): [string, Garbage] => [
  key,
  { key, cause: 'expired', ...more },
];

describe('The passes of the garbage collector', () => {
  let app: TestingModule;
  let clock: ManualClock;
  let rows: GarbageRows;
  let database: { url: string; drop(): Promise<void> };

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
  });
  afterEach(async () => {
    const closed = app?.close();
    await clock.advance('1m');
    await closed;
    await database.drop();
  });

  async function start(options: GarbageCollectorOptions = {}, passes: GarbagePass[] = []): Promise<void> {
    clock = new ManualClock();
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 0 } }),
        GarbageCollectorModule.forRoot({ instanceGracePeriod: '1h', ...options }),
      ],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .setLogger(false as never)
      .compile();
    for (const pass of passes) app.get(GarbagePasses, { strict: false }).register(pass);
    await app.init();
    rows = new GarbageRows(app.get(DataSource));
  }

  const sql = (statement: string, values?: unknown[]) => app.get(DataSource).query(statement, values);
  const tick = async (): Promise<EndedRun> => (await app.get(Scheduler).trigger('gc')).ended;
  /** The database's clock goes on by that much, as far as these brakes are concerned. */
  const later = (minutes: number) =>
    sql(`UPDATE gc_pass_brakes SET seen_since = seen_since - make_interval(mins => $1)`, [minutes]);
  const told = async (type: string) => {
    const { items } = await asSystem(() =>
      app.get(EventBus, { strict: false }).recent({ type, limit: 1000 }),
    );
    return items
      .toReversed()
      .map(({ tenantId, payload }): Record<string, unknown> => ({ tenantId, ...payload }));
  };
  /** A tenant with a domain, a workload, and routes to it. */
  async function tenantWithRoutes(count: number) {
    const tenantId: TenantId = newId('tenant');
    const workloadId: WorkloadId = await rows.addWorkload(tenantId);
    const domainId = await rows.addDomain(tenantId);
    const routes: string[] = [];
    for (let n = 0; n < count; n++) routes.push(await rows.addRoute(tenantId, domainId, workloadId));
    return { tenantId, workloadId, domainId, routes };
  }
  const routesLeft = async (): Promise<number> => Number((await sql('SELECT count(*) FROM routes'))[0].count);

  it('run one after the other, each with its counters in the message and the numbers of the run', async () => {
    await start({ brake: false }, [new Parcels(new Map([parcel('a'), parcel('b')]))]);
    const { tenantId, domainId } = await tenantWithRoutes(1);
    const gone = await rows.addDeletedWorkload(tenantId);
    for (let n = 0; n < 3; n++) await rows.addRoute(tenantId, domainId, gone);
    await rows.addInstance({ tenantId, age: 2 * HOUR });
    const ended = await tick();
    expect(ended).toMatchObject({
      outcome: 'succeeded',
      progress: {
        message:
          '1 instances examined, 0 of 0 orphans deleted; routes: 3 of 3 removed; parcels: 2 of 2 removed',
      },
      metrics: {
        'routes.found': 3,
        'routes.removed': 3,
        'routes.held': 0,
        'routes.failed': 0,
        'parcels.found': 2,
        'parcels.removed': 2,
      },
    });
    expect(await routesLeft()).toBe(1);
  });

  it('go on when one of them fails; its error is told, and the run fails at the end', async () => {
    class Broken extends Parcels {
      override readonly name = 'broken';
      protected override async *pages(): AsyncIterable<readonly Garbage[]> {
        yield [parcel('half')[1]];
        throw new Error('the list broke off');
      }
    }
    const half = new Map([parcel('half')]);
    const parcels = new Map([parcel('a')]);
    await start({}, [new Broken(half), new Parcels(parcels)]);
    expect(await tick()).toMatchObject({
      outcome: 'failed',
      error: { message: 'broken: the list broke off' },
      metrics: { 'parcels.removed': 1 },
    });
    expect([...parcels.keys()]).toEqual([]);
    // What was listed before it broke off may be all that is in use.
    expect([...half.keys()]).toEqual(['half']);
  });

  it('cost one bad record that record alone, and are failed where not one could be removed', async () => {
    class Stuck extends Parcels {
      protected override async remove(garbage: Garbage): Promise<boolean> {
        if (garbage.key.startsWith('stuck')) throw new Error('it is nailed down');
        return super.remove(garbage);
      }
    }
    const parcels = new Map([parcel('stuck'), parcel('free'), parcel('stuck too')]);
    await start({ maxItemsPerTick: 1 }, [new Stuck(parcels)]);
    expect(await tick()).toMatchObject({
      outcome: 'succeeded',
      progress: { message: expect.stringContaining('parcels: 1 of 3 removed, 1 failed') },
    });
    expect(await tick()).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringContaining('Not one of 2 could be removed: it is nailed down') },
    });
  });

  it('end with the run when it is aborted, and none of those behind begins', async () => {
    const begun: string[] = [];
    const pass = (name: string): GarbagePass => ({
      name,
      description: name,
      run: async ({ signal }) => {
        begun.push(name);
        const drained = app.get(Scheduler).stop();
        await clock.advance(0);
        signal.throwIfAborted();
        await drained;
      },
    });
    await start({}, [pass('first'), pass('second')]);
    await tick();
    expect(begun).toEqual(['first']);
  });

  it('end between two removals when the run loses its right to run, and the next one removes the rest', async () => {
    const parcels = new Map([parcel('a'), parcel('b'), parcel('c')]);
    let drained: Promise<void> | undefined;
    class Slow extends Parcels {
      protected override readonly concurrency = 1;
      protected override async remove(garbage: Garbage): Promise<boolean> {
        const removed = await super.remove(garbage);
        drained ??= app.get(Scheduler).stop();
        await clock.advance(0);
        return removed;
      }
    }
    await start({}, [new Slow(parcels)]);
    await tick();
    expect([...parcels.keys()]).toEqual(['b', 'c']);
    await clock.advance('1m');
    await drained;
    app.get(Scheduler).start();
    expect(await tick()).toMatchObject({ outcome: 'succeeded', metrics: { 'parcels.removed': 2 } });
    expect(parcels.size).toBe(0);
  });

  it('remove and tell each thing once when two replicas run at the same time', async () => {
    await start({ brake: false });
    const tenantId = await rows.addDeletedTenant();
    const domains: string[] = [];
    for (let n = 0; n < 12; n++) {
      const domainId = await rows.addDomain(tenantId);
      await rows.addCertificate(tenantId, domainId, [`${n}.example`]);
      domains.push(domainId);
    }
    const other = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot(),
        GarbageCollectorModule.forRoot({ interval: 0, instanceGracePeriod: '1h', brake: false }),
      ],
    })
      .setLogger(false as never)
      .compile();
    await other.init();
    try {
      const { ended } = await other.get(Scheduler).trigger('gc');
      for (const { outcome } of await Promise.all([tick(), ended])) expect(outcome).toBe('succeeded');
    } finally {
      await other.close();
    }
    expect(await rows.present('domains', domains)).toEqual([]);
    expect((await told('domain.removed')).map(({ domainId }) => domainId).sort()).toEqual(domains.sort());
    expect(await told('cert.removed')).toHaveLength(12);
  });

  it('are left out by the option `skip`, and take names that metrics can have', async () => {
    const parcels = new Map([parcel('a')]);
    await start({ skip: ['parcels'] }, [new Parcels(parcels)]);
    await tick();
    expect(parcels.size).toBe(1);
    const passes = app.get(GarbagePasses, { strict: false });
    expect(() => passes.register(new Parcels(parcels))).toThrow(/"parcels" already/);
    for (const name of ['', 'Routes', 'a b', '1st', 'a'.repeat(41), undefined])
      expect(() => passes.register({ name: name as string, description: '', run: async () => {} })).toThrow(
        /no name of a garbage pass/,
      );
  });

  it('change nothing in a dry run', async () => {
    const parcels = new Map([parcel('a')]);
    await start({ dryRun: true }, [new Parcels(parcels)]);
    const { tenantId, domainId } = await tenantWithRoutes(0);
    await rows.addRoute(tenantId, domainId, await rows.addDeletedWorkload(tenantId));
    await rows.addRoute(tenantId, domainId, newId('workload'));
    expect(await tick()).toMatchObject({
      progress: {
        message: expect.stringContaining('routes: 2 left alone (dry run); parcels: 1 left alone (dry run)'),
      },
    });
    expect([await routesLeft(), parcels.size]).toEqual([2, 1]);
    expect(await sql('SELECT * FROM gc_pass_brakes')).toEqual([]);
  });

  describe('where rows are lost, as after a backup that was restored in part', () => {
    it('hold back what hung on them, tell it once, and remove it when it stayed the same for long enough', async () => {
      await start();
      const { tenantId, routes } = await tenantWithRoutes(3);
      await sql('TRUNCATE workloads');
      for (let passes = 0; passes < 3; passes++)
        expect(await tick()).toMatchObject({
          outcome: 'succeeded',
          progress: { message: expect.stringContaining('routes: 0 of 3 removed, 3 held by the brake') },
          metrics: { 'routes.held': 3 },
        });
      expect(await told('gc.pass_held')).toEqual([
        {
          tenantId,
          pass: 'routes',
          cause: 'lost',
          items: 3,
          confirmAfterMs: 900_000,
          keys: [...routes].sort(),
        },
      ]);
      await later(14);
      await tick();
      expect(await routesLeft()).toBe(3);
      await later(2);
      await tick();
      expect(await routesLeft()).toBe(0);
      expect(await told('gc.pass_released')).toEqual([{ tenantId, pass: 'routes', reason: 'confirmed' }]);
      await tick();
      expect(await sql('SELECT * FROM gc_pass_brakes')).toEqual([]);
    });

    it('let everything go on when the rows are back, and wait anew for another set', async () => {
      await start();
      const { tenantId, workloadId, domainId } = await tenantWithRoutes(2);
      await sql('DELETE FROM workloads');
      await tick();
      await later(16);
      // Another one: nothing of it has stayed the same.
      await rows.addRoute(tenantId, domainId, newId('workload'));
      await tick();
      expect(await routesLeft()).toBe(3);
      await rows.addWorkload(tenantId, workloadId);
      await sql('DELETE FROM routes WHERE workload_id <> $1', [workloadId]);
      await tick();
      expect(await told('gc.pass_released')).toEqual([{ tenantId, pass: 'routes', reason: 'recovered' }]);
      expect(await routesLeft()).toBe(2);
    });

    it('keep a confirmed set from taking anything in', async () => {
      await start({ maxItemsPerTick: 1 });
      const { tenantId, domainId } = await tenantWithRoutes(2);
      await sql('TRUNCATE workloads');
      await tick();
      await later(16);
      await tick();
      expect(await routesLeft()).toBe(1);
      const late = await rows.addRoute(tenantId, domainId, newId('workload'));
      await tick();
      await tick();
      expect(await rows.present('routes', [late])).toEqual([late]);
      expect(await routesLeft()).toBe(1);
    });
  });

  it('hold back what is too much of what a tenant has, although its deletion is recorded', async () => {
    await start({ brake: { minimum: 3, share: 0.5 } });
    const { tenantId, domainId } = await tenantWithRoutes(2);
    const gone = await rows.addDeletedWorkload(tenantId);
    for (let n = 0; n < 3; n++) await rows.addRoute(tenantId, domainId, gone);
    await tick();
    expect(await routesLeft()).toBe(5);
    expect(await told('gc.pass_held')).toMatchObject([
      { tenantId, pass: 'routes', cause: 'share', items: 3 },
    ]);
    for (let n = 0; n < 4; n++) await rows.addRoute(tenantId, domainId, await rows.addWorkload(tenantId));
    await tick();
    expect(await routesLeft()).toBe(6);
    expect(await told('gc.pass_released')).toMatchObject([{ pass: 'routes', reason: 'recovered' }]);
  });

  it('hold back what different stores hold apart', async () => {
    await start();
    class OfStore extends Parcels {
      constructor(protected override readonly store: string) {
        super(new Map([parcel(store, { cause: 'lost' })]));
      }
    }
    const context = passContext({
      brake: { minimum: 1, share: 1, confirmAfter: 900_000 },
      brakes: app.get(PassBrakes, { strict: false }),
    });
    for (const store of ['a', 'b', 'a']) await asSystem(() => new OfStore(store).run(context));
    expect(await sql('SELECT pass, store, keys FROM gc_pass_brakes ORDER BY store')).toEqual([
      { pass: 'parcels', store: 'a', keys: ['a'] },
      { pass: 'parcels', store: 'b', keys: ['b'] },
    ]);
  });

  it('touch nothing of a tenant whose instances are held back', async () => {
    await start();
    const { tenantId, domainId } = await tenantWithRoutes(0);
    const route = await rows.addRoute(tenantId, domainId, await rows.addDeletedWorkload(tenantId));
    const other = await tenantWithRoutes(0);
    await rows.addRoute(other.tenantId, other.domainId, await rows.addDeletedWorkload(other.tenantId));
    await rows.addInstance({ tenantId, workloadId: newId('workload'), age: 2 * HOUR });
    expect(await tick()).toMatchObject({
      progress: { message: expect.stringContaining('routes: 1 of 2 removed, 1 held by the brake') },
    });
    expect(await rows.present('routes', [route])).toEqual([route]);
  });

  describe('over certificates', () => {
    it('keep one that is served for a proven host, until another one is', async () => {
      await start({ brake: false });
      const tenantId = newId('tenant');
      await rows.addTenant(tenantId);
      const old = newId('domain');
      const domainId = await rows.addDomain(tenantId, { hostname: 'shop.example', verified: true });
      await rows.addDomain(tenantId, { hostname: 'a.wild.example', verified: true });
      await rows.addDomain(tenantId, { hostname: 'claimed.example' });
      const served = [
        await rows.addCertificate(tenantId, old, ['shop.example', 'www.shop.example']),
        await rows.addCertificate(tenantId, old, ['www.shop.example']),
        await rows.addCertificate(tenantId, old, ['*.wild.example']),
        await rows.addCertificate(tenantId, old, ['*.shop.example'], { validFor: -HOUR }),
      ];
      const unserved = [
        await rows.addCertificate(tenantId, old, ['claimed.example']),
        await rows.addCertificate(tenantId, old, ['myshop.example']),
        await rows.addCertificate(tenantId, old, ['*.deep.wild.example']),
        await rows.addCertificate(tenantId, old, ['shop.example'], { issued: false }),
      ];
      await tick();
      expect((await rows.present('certificates', [...served, ...unserved])).sort()).toEqual(served.sort());
      expect((await told('cert.removed')).map(({ certificateId }) => certificateId).sort()).toEqual(
        unserved.sort(),
      );
      await rows.addCertificate(tenantId, domainId, ['shop.example', 'www.shop.example'], {
        validFor: -HOUR,
      });
      await tick();
      expect(await rows.present('certificates', served)).toHaveLength(4);
      await rows.addCertificate(tenantId, domainId, ['shop.example', 'www.shop.example']);
      await tick();
      expect(await rows.present('certificates', served)).toHaveLength(2);
      expect(
        Number(
          (
            await sql('SELECT count(*) FROM certificate_versions WHERE certificate_id = ANY ($1)', [served])
          )[0].count,
        ),
      ).toBe(2);
    });
  });

  it('removes a domain of a deleted tenant with its routes and certificates, and tells it as the service does', async () => {
    await start();
    const tenantId = await rows.addDeletedTenant();
    const domainId = await rows.addDomain(tenantId, { hostname: 'left.example', verified: true });
    const routeId = await rows.addRoute(tenantId, domainId, newId('workload'), HOUR / 2);
    const certificateId = await rows.addCertificate(tenantId, domainId, ['left.example']);
    await tick();
    expect(await rows.present('routes', [routeId])).toEqual([]);
    expect(await sql('SELECT * FROM certificate_versions')).toEqual([]);
    expect(await told('cert.removed')).toEqual([
      { tenantId, certificateId, domainId, names: ['left.example'] },
    ]);
    expect(await told('domain.removed')).toEqual([{ tenantId, domainId, hostname: 'left.example' }]);
  });
});
