import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { asSystem } from '../../../../../test/support/control-plane.js';
import { createControlPlaneDatabase } from '../../../../../test/support/control-plane-database.js';
import { GarbageRows } from '../../../../../test/support/garbage-rows.js';
import { InMemoryProvider } from '../../../../../test/support/in-memory-provider.js';
import { RelayEngine } from '../../../../../test/support/relay.engine.js';
import { type EndedRun } from '../../../../core/history/run.js';
import { Scheduler } from '../../../../core/scheduler/scheduler.js';
import { WorkerModule } from '../../../../core/worker.module.js';
import { EventBus } from '../../../events/event-bus.js';
import { newId, type TenantId } from '../../../ids/typed-id.js';
import { ProviderRegistry } from '../../../providers/provider.registry.js';
import { DatabaseModule } from '../../../schema/database.module.js';
import { GarbageCollectorModule } from '../garbage-collector.module.js';
import { type GarbageCollectorOptions } from '../garbage-collector.options.js';
import { GarbagePasses } from './garbage-passes.js';
import { type GarbagePass } from './garbage-pass.js';
import { type Garbage, SweepPass } from './sweep-pass.js';

const HOUR = 3_600_000;

/** Parcels of one batch more than a run keeps to itself. */
const PARCELS = 120;

class Parcels extends SweepPass {
  readonly name: string = 'parcels';
  readonly description = 'Parcels that nobody wants.';
  protected override readonly distributed: boolean = true;
  readonly parcels: Map<string, Garbage>;
  readonly broken = new Set<string>();

  constructor(more: Partial<Garbage> = {}) {
    super();
    const keys = Array.from({ length: PARCELS }, (_, n) => `parcel ${String(n).padStart(3, '0')}`);
    this.parcels = new Map(keys.map((key) => [key, { key, cause: 'expired', ...more }]));
  }

  protected async *pages(): AsyncIterable<readonly Garbage[]> {
    yield [...this.parcels.values()];
  }
  protected async remove({ key }: Garbage): Promise<boolean> {
    if (this.broken.has(key)) throw new Error(`${key} is stuck`);
    return this.parcels.delete(key);
  }
}

describe('What the garbage collector hands out', () => {
  let app: TestingModule;
  let engine: RelayEngine;
  let provider: InMemoryProvider;
  let rows: GarbageRows;
  let database: { url: string; drop(): Promise<void> };

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    engine = new RelayEngine();
  });
  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  async function start(options: GarbageCollectorOptions = {}, passes: GarbagePass[] = []): Promise<void> {
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot({ fanOut: engine, drain: { timeout: 0, abortGrace: 0 } }),
        GarbageCollectorModule.forRoot({ interval: '1d', instanceGracePeriod: '1h', ...options }),
      ],
    })
      .setLogger(false as never)
      .compile();
    for (const pass of passes) app.get(GarbagePasses, { strict: false }).register(pass);
    await app.init();
    provider = new InMemoryProvider();
    app.get(ProviderRegistry, { strict: false }).register('memory', provider);
    rows = new GarbageRows(app.get(DataSource));
  }

  const sql = (statement: string, values?: unknown[]) => app.get(DataSource).query(statement, values);
  const tick = async (): Promise<EndedRun> => (await app.get(Scheduler).trigger('gc')).ended;
  const batches = (): { pass: string; items: unknown[] }[] =>
    engine.items as { pass: string; items: unknown[] }[];
  const told = async (type: string) => {
    const { items } = await asSystem(() =>
      app.get(EventBus, { strict: false }).recent({ type, limit: 1000 }),
    );
    return items.map(({ tenantId, payload }): Record<string, unknown> => ({ tenantId, ...payload }));
  };
  /** A tenant with n orphans and n instances in use. */
  async function tenantWithOrphans(count = 2) {
    const tenantId = newId('tenant');
    const workloadId = await rows.addDeletedWorkload(tenantId);
    const orphans: string[] = [];
    for (let n = 0; n < count; n++) {
      orphans.push(await rows.addInstance({ tenantId, workloadId, age: 2 * HOUR }));
      await rows.addInstance({ tenantId, age: 2 * HOUR });
    }
    return { tenantId, workloadId, orphans };
  }
  const left = (orphans: readonly string[]) => rows.present('instances', orphans);

  it('is a batch for each tenant with orphans, and one for each fifty of anything else', async () => {
    const parcels = new Parcels();
    await start({}, [parcels]);
    const [one, other] = [await tenantWithOrphans(), await tenantWithOrphans()];
    expect(await tick()).toMatchObject({
      outcome: 'succeeded',
      shards: { total: 5, done: 5, failed: 0 },
      progress: {
        message: '8 instances examined, 4 of 4 orphans deleted; parcels: 120 of 120 removed',
      },
      metrics: { 'instances.removed': 4, 'parcels.found': 120, 'parcels.removed': 120 },
    });
    expect(batches().map(({ pass, items }) => [pass, items.length])).toEqual([
      ['instances', 1],
      ['instances', 1],
      ['parcels', 50],
      ['parcels', 50],
      ['parcels', 20],
    ]);
    expect(await left([...one.orphans, ...other.orphans])).toEqual([]);
    expect(parcels.parcels.size).toBe(0);
  });

  it('is nothing where there is one batch, in a dry run, with `fanOut: false`, and while the engine is away', async () => {
    const parcels = new Parcels();
    for (const key of [...parcels.parcels.keys()].slice(50)) parcels.parcels.delete(key);
    await start({}, [parcels]);
    const { orphans } = await tenantWithOrphans();
    expect(await tick()).toMatchObject({ outcome: 'succeeded', metrics: { 'parcels.removed': 50 } });
    expect(await left(orphans)).toEqual([]);
    await app.close();

    await start({ dryRun: true }, [new Parcels()]);
    await Promise.all([tenantWithOrphans(), tenantWithOrphans()]);
    expect(await tick()).toMatchObject({ outcome: 'succeeded' });
    await app.close();

    await start({ fanOut: false }, [new Parcels()]);
    expect(await tick()).toMatchObject({
      outcome: 'succeeded',
      metrics: { 'instances.removed': 4, 'parcels.removed': 120 },
    });
    await app.close();

    await start({}, [new Parcels()]);
    engine.lose();
    expect(await tick()).toMatchObject({ outcome: 'succeeded', metrics: { 'parcels.removed': 120 } });
    expect(engine.items).toEqual([]);
  });

  it('is nothing when a list breaks off', async () => {
    class Half extends Parcels {
      protected override async *pages(): AsyncIterable<readonly Garbage[]> {
        yield [...this.parcels.values()];
        throw new Error('the list broke off');
      }
    }
    const parcels = new Half();
    await start({}, [parcels]);
    expect(await tick()).toMatchObject({ outcome: 'failed' });
    expect(engine.items).toEqual([]);
    expect(parcels.parcels.size).toBe(PARCELS);
  });

  it('is nothing of a pass that does not say that other replicas may remove it', async () => {
    class Own extends Parcels {
      protected override readonly distributed = false;
    }
    const parcels = new Own();
    await start({}, [parcels]);
    await tick();
    expect([engine.items.length, parcels.parcels.size]).toEqual([0, 0]);
  });

  it('stays when it is in use again by the time that its batch comes', async () => {
    await start();
    const [one, other] = [await tenantWithOrphans(), await tenantWithOrphans()];
    engine.before = async () => {
      engine.before = () => {};
      await rows.addWorkload(one.tenantId, one.workloadId);
      await rows.addWorkload(other.tenantId, other.workloadId);
    };
    expect(await tick()).toMatchObject({ outcome: 'succeeded' });
    expect(await left([...one.orphans, ...other.orphans])).toHaveLength(4);
    expect(provider.done).toEqual([]);
  });

  it('stays when a brake on its instances has been engaged by the time that its batch comes', async () => {
    const held = newId('tenant');
    const parcels = new Parcels({ tenantId: held });
    await start({}, [parcels]);
    const one = await tenantWithOrphans();
    const other = await tenantWithOrphans();
    const engage = (tenantId: TenantId) =>
      sql(`INSERT INTO gc_brakes (tenant_id, cause) VALUES ($1, 'tenant') ON CONFLICT DO NOTHING`, [
        tenantId,
      ]);
    engine.before = async () => {
      for (const tenantId of [held, one.tenantId]) await engage(tenantId);
    };
    expect(await tick()).toMatchObject({
      outcome: 'succeeded',
      metrics: { 'parcels.removed': 0, 'parcels.held': PARCELS, 'parcels.failed': 0 },
    });
    expect(await left(one.orphans)).toHaveLength(2);
    expect(await left(other.orphans)).toEqual([]);
    expect(parcels.parcels.size).toBe(PARCELS);
  });

  it('stays when somebody refuses the set by the time that its batch comes', async () => {
    const tenantId = newId('tenant');
    const parcels = new Parcels({ tenantId, cause: 'lost' });
    await start({}, [parcels]);
    expect(await tick()).toMatchObject({ metrics: { 'parcels.held': PARCELS } });
    await sql(`UPDATE gc_pass_brakes SET seen_since = seen_since - interval '16 minutes'`);
    engine.before = async (item) => {
      if ((item as { items: Garbage[] }).items.some(({ key }) => key === 'parcel 050'))
        await sql(`UPDATE gc_pass_brakes SET state = 'refused'`);
    };
    expect(await tick()).toMatchObject({ metrics: { 'parcels.removed': 50, 'parcels.held': 70 } });
    expect(parcels.parcels.size).toBe(70);
  });

  it('is no more than the limit of a tick', async () => {
    const parcels = new Parcels();
    await start({ maxItemsPerTick: 70 }, [parcels]);
    expect(await tick()).toMatchObject({ metrics: { 'parcels.removed': 70 } });
    expect(parcels.parcels.size).toBe(50);
    await tick();
    expect(parcels.parcels.size).toBe(0);
  });

  it('uses up nothing of the limit when it fails, and what failed is counted and told', async () => {
    const parcels = new Parcels();
    for (const key of [...parcels.parcels.keys()].slice(0, 60)) parcels.broken.add(key);
    await start({ maxItemsPerTick: 60 }, [parcels]);
    expect(await tick()).toMatchObject({
      outcome: 'succeeded',
      metrics: { 'parcels.removed': 60, 'parcels.failed': 60 },
    });
    expect([...parcels.parcels.keys()]).toEqual([...parcels.broken]);
    expect(await tick()).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringContaining('Not one of 60 could be removed') },
    });
  });

  it('tells once of a tenant in trouble, which keeps no other waiting', async () => {
    await start();
    const [bad, good] = [await tenantWithOrphans(), await tenantWithOrphans()];
    provider.beforeDeprovision = async (id) => {
      if (bad.orphans.includes(id)) throw new Error('cannot be stopped');
    };
    expect(await tick()).toMatchObject({
      outcome: 'succeeded',
      progress: {
        message: '8 instances examined, 2 of 4 orphans deleted, 1 tenants failed',
      },
    });
    expect(await left(bad.orphans)).toHaveLength(2);
    expect(await left(good.orphans)).toEqual([]);
    expect(await told('gc.tenant_failed')).toEqual([
      { tenantId: bad.tenantId, error: expect.stringContaining('cannot be stopped'), failures: 2 },
    ]);
  });

  it('counts as failed when its replica ends again and again, and the rest is removed', async () => {
    const parcels = new Parcels();
    await start({}, [parcels]);
    engine.before = (item) => {
      if ((item as { items: Garbage[] }).items[0]!.key === 'parcel 050') throw new Error('its replica ended');
    };
    expect(await tick()).toMatchObject({
      shards: { total: 3, done: 2, failed: 1 },
      metrics: { 'parcels.removed': 70, 'parcels.failed': 50 },
    });
    expect(parcels.parcels.size).toBe(50);
  });
});
