import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { asSystem } from '../../../test/support/control-plane.js';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { ForbiddenError } from '../auth/auth.errors.js';
import { WorkerModule } from '../../core/worker.module.js';
import { withClaims } from '../auth/claims.js';
import { EventBus } from '../events/event-bus.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { DatabaseModule } from '../schema/database.module.js';
import { NoPassBrakeError, PassBrakeSetChangedError } from './brake.errors.js';
import { BrakesModule } from './brakes.module.js';
import { GarbageCollectorBrakes } from './brakes.service.js';
import { type PassBrake, type SuspectSet } from './pass-brake.js';
import { PassBrakes } from './pass-brakes.js';
import { GarbageCollectorPassBrakes } from './pass-brakes.service.js';

describe('What a pass holds back', () => {
  let app: TestingModule;
  let database: { url: string; drop(): Promise<void> };
  let brakes: PassBrakes;
  let service: GarbageCollectorPassBrakes;
  let tenantId: TenantId;
  const warned: string[] = [];

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot({ run: false }),
        BrakesModule,
      ],
    }).compile();
    await app.init();
    brakes = app.get(PassBrakes);
    service = app.get(GarbageCollectorPassBrakes);
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
  });
  beforeEach(async () => {
    await app.get(DataSource).query('DELETE FROM gc_pass_brakes');
    tenantId = newId('tenant');
    warned.length = 0;
  });

  /** What may go. */
  const judge = (keys: string[], more: Partial<SuspectSet> & { confirmAfter?: number } = {}) =>
    asSystem(async () => {
      const { confirmAfter = 900_000, ...suspects } = more;
      const settings = { share: 0.5, minimum: 10, confirmAfter };
      const logger = { warn: (text: string): void => void warned.push(text) };
      const found = { pass: 'routes', tenantId, cause: 'lost' as const, keys, ...suspects };
      return [...(await brakes.judge(found, settings, logger))].sort();
    });
  const shown = async (): Promise<PassBrake> => {
    const { items } = await asSystem(() => service.list());
    expect(items).toHaveLength(1);
    return items[0]!;
  };
  const told = async () => {
    const { items } = await asSystem(() => app.get(EventBus, { strict: false }).recent({ limit: 1_000 }));
    return items
      .filter((event) => event.tenantId === tenantId)
      .toReversed()
      .map(({ type, payload }) => ({ type, ...payload }));
  };
  const confirm = ({ id, set }: PassBrake) => asSystem(() => service.confirm(id, set));
  const refuse = ({ id, set }: PassBrake) => asSystem(() => service.refuse(id, set));

  it('is shown with what it is of, why, how much it is, and some of it; all of it page by page', async () => {
    const keys = Array.from({ length: 7 }, (_, n) => `key-${n}`);
    await judge(keys);
    const brake = await shown();
    expect(brake).toMatchObject({
      ...{ pass: 'routes', tenantId, state: 'engaged', cause: 'lost', items: 7 },
      examples: keys.slice(0, 5),
      set: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(brake).not.toHaveProperty('store');
    expect(brake).not.toHaveProperty('decidedBy');
    expect(await asSystem(() => service.find(brake.id))).toEqual(brake);
    const first = await asSystem(() => service.keys(brake.id, { limit: 4 }));
    const rest = await asSystem(() => service.keys(brake.id, { limit: 4, after: first.next }));
    expect([...first.items, ...rest.items]).toEqual(keys);
    expect(rest.next).toBeUndefined();
    expect(warned).toEqual([expect.stringContaining(`routes: 7 of ${tenantId} look like garbage`)]);
  });

  it('is listed page by page, apart for each pass, store and tenant, and for nobody', async () => {
    await judge(['a']);
    await judge(['a'], { pass: 'domains' });
    for (const store of ['one', 'two']) await judge(['a'], { pass: 'volumes', store });
    await judge(['a'], { tenantId: undefined });
    const seen: PassBrake[] = [];
    let after: string | undefined;
    do {
      const page = await asSystem(() => service.list({ limit: 2, after }));
      seen.push(...page.items);
      after = page.next;
    } while (after !== undefined);
    expect(seen.map(({ pass, store, tenantId: of }) => `${pass} ${store} ${of}`).sort()).toEqual(
      [
        `domains undefined ${tenantId}`,
        `routes undefined ${tenantId}`,
        'routes undefined undefined',
        `volumes one ${tenantId}`,
        `volumes two ${tenantId}`,
      ].sort(),
    );
    expect(new Set(seen.map(({ id }) => id)).size).toBe(5);
  });

  it('goes when a user confirms it, exactly that and nothing that comes later; it is kept who did', async () => {
    expect(await judge(['a', 'b'])).toEqual([]);
    const confirmed = await confirm(await shown());
    expect(confirmed).toMatchObject({ state: 'confirmed', decidedBy: 'system:test' });
    expect(await judge(['a', 'b', 'c'])).toEqual(['a', 'b']);
    expect(await judge(['b', 'c'])).toEqual(['b']);
    expect(await told()).toMatchObject([
      { type: 'gc.pass_held', items: 2 },
      { type: 'gc.pass_released', pass: 'routes', reason: 'confirmed', items: 2, by: 'system:test' },
    ]);
    // Once more is no news.
    await confirm(await shown());
    expect(await told()).toHaveLength(2);
  });

  it('stays when a user refuses it, however long, and whatever takes its place, until it is confirmed', async () => {
    await judge(['a']);
    await refuse(await shown());
    for (const keys of [['a'], ['a'], ['b', 'c'], ['b', 'c']])
      expect(await judge(keys, { confirmAfter: 0 })).toEqual([]);
    const brake = await shown();
    expect(brake).toMatchObject({ state: 'refused', items: 2, decidedBy: 'system:test' });
    await confirm(brake);
    expect(await judge(['b', 'c'])).toEqual(['b', 'c']);
    expect((await told()).map(({ type }) => type)).toEqual([
      'gc.pass_held',
      'gc.pass_refused',
      'gc.pass_released',
    ]);
  });

  it('is not removed any more when a confirmed set is refused', async () => {
    await judge(['a', 'b']);
    await confirm(await shown());
    expect(await judge(['a', 'b'])).toEqual(['a', 'b']);
    await refuse(await shown());
    expect(await judge(['b'], { confirmAfter: 0 })).toEqual([]);
  });

  it('is decided on as it was shown only: a set that has changed, or is gone, is refused', async () => {
    await judge(['a']);
    const before = await shown();
    await judge(['a', 'b']);
    await expect(confirm(before)).rejects.toThrow(PassBrakeSetChangedError);
    await expect(refuse(before)).rejects.toThrow((await shown()).set);
    expect(await judge(['a', 'b'])).toEqual([]);
    await asSystem(() => brakes.release({ pass: 'routes' }, []));
    await expect(confirm(before)).rejects.toThrow(NoPassBrakeError);
  });

  it('is told as over when nothing of it looks wrong any more, also what was refused', async () => {
    await judge(['a']);
    await refuse(await shown());
    await asSystem(() => brakes.release({ pass: 'routes' }, [newId('tenant')]));
    expect((await asSystem(() => service.list())).items).toEqual([]);
    expect((await told()).at(-1)).toEqual({ type: 'gc.pass_released', pass: 'routes', reason: 'recovered' });
  });

  it('is forgotten with a pass that does not run any more, and with a store that nobody looks at for a day', async () => {
    await judge(['a']);
    for (const store of ['here', 'gone']) await judge(['a'], { pass: 'volumes', store });
    await app
      .get(DataSource)
      .query(
        `UPDATE gc_pass_brakes SET last_seen_at = last_seen_at - interval '25 hours' WHERE store = 'gone'`,
      );
    await asSystem(() => brakes.forgetOthers(['volumes', 'domains']));
    expect(await shown()).toMatchObject({ pass: 'volumes', store: 'here' });
    expect((await told()).slice(3)).toEqual(
      expect.arrayContaining([
        { type: 'gc.pass_released', pass: 'routes', reason: 'not_examined' },
        { type: 'gc.pass_released', pass: 'volumes', store: 'gone', reason: 'not_examined' },
      ]),
    );
  });

  it('degrades health until it is confirmed, or over', async () => {
    const health = () => app.get(GarbageCollectorBrakes).health();
    expect(await health()).toEqual({ status: 'ok', held: [], heldByPasses: [] });
    await judge(['a', 'b'], { pass: 'volumes', store: 'dock' });
    const brake = await shown();
    expect(await health()).toEqual({
      ...{ status: 'degraded', held: [] },
      heldByPasses: [{ id: brake.id, pass: 'volumes', store: 'dock', tenantId, state: 'engaged', items: 2 }],
    });
    await refuse(brake);
    expect(await health()).toMatchObject({ status: 'degraded', heldByPasses: [{ state: 'refused' }] });
    await confirm(brake);
    expect(await health()).toEqual({ status: 'ok', held: [], heldByPasses: [] });
  });

  it('is shown to nobody who may see one tenant only', async () => {
    await judge(['a']);
    const { id, set } = await shown();
    const own = <T>(work: () => Promise<T>) => withClaims({ subject: 'user:ann', tenantId, roles: [] }, work);
    for (const asked of [
      () => service.list(),
      () => service.find(id),
      () => service.keys(id),
      () => service.confirm(id, set),
      () => service.refuse(id, set),
    ])
      await expect(own<unknown>(asked)).rejects.toThrow(ForbiddenError);
  });
});
