import { describe, expect, it } from '@jest/globals';
import { certWorld, SetClock } from '../../../../test/support/cert-world.js';
import { type CertificateId } from '../../ids/typed-id.js';
import { IssuerError } from '../../certificates/issuers/issuer.errors.js';
import { InMemoryIssuanceLimiter } from '../../certificates/limits/in-memory-issuance-limiter.js';
import { SimulatedCa } from '../../certificates/issuers/simulated-ca/simulated-ca.js';
import { OrderDesk } from './order-desk.js';

const MINUTE = 60_000;
const DAY = 86_400_000;

describe('a tick of the renewer', () => {
  it('does not look each minute at what a CA has issued that is no longer configured', async () => {
    const clock = new SetClock();
    const old = new SimulatedCa({
      name: 'old',
      clock,
      lifetime: '90d',
      renewalWindow: ({ notBefore }) => ({
        start: new Date(notBefore.getTime() + 60 * DAY),
        end: new Date(notBefore.getTime() + 61 * DAY),
      }),
    });
    const world = certWorld([old], clock);
    const ids: CertificateId[] = [];
    for (let n = 0; n < 5; n++) ids.push(await world.add(`d${n}.test`));
    await world.runUntil(clock.now() + 5 * MINUTE);
    const after = world.withIssuers([new SimulatedCa({ name: 'new', clock })]);
    await after.runUntil(clock.now() + 2 * DAY);
    for (const id of ids) {
      const { dueAt, issued } = (await world.store.find(world.tenantId, id))!;
      // What the CA said last is kept to: its window lies ahead.
      expect(dueAt!.getTime()).toBeGreaterThan(issued!.notBefore.getTime() + 59 * DAY);
    }
  });

  it('claims each certificate when its turn comes, and nothing that waits for it', async () => {
    const clock = new SetClock();
    const ca = new SimulatedCa({ clock, fault: () => 'stuck' });
    const world = certWorld([ca], clock, { concurrency: 2 });
    for (let n = 0; n < 5; n++) await world.add(`d${n}.test`);
    const tick = world.tick();
    while (ca.orders.length < 2) await new Promise((turn) => setImmediate(turn));
    expect(await world.store.dueAcrossTenants(10)).toHaveLength(3);
    while (ca.orders.length < 5) {
      clock.set(clock.now() + 5 * MINUTE);
      await new Promise((turn) => setImmediate(turn));
    }
    clock.set(clock.now() + 5 * MINUTE);
    await tick;
  });

  it('ends when nothing of what it sees can be claimed, which others may be doing', async () => {
    const clock = new SetClock();
    const world = certWorld([new SimulatedCa({ clock })], clock);
    for (let n = 0; n < 201; n++) await world.add(`d${n}.test`);
    world.store.claim = async () => undefined;
    await world.tick();
    expect(await world.store.dueAcrossTenants(1_000)).toHaveLength(201);
  });

  it('leaves what meets an error alone until its claim ends, and does the others', async () => {
    const clock = new SetClock();
    const world = certWorld([new SimulatedCa({ clock })], clock);
    const bad = await world.add('bad.test');
    const good = await world.add('good.test');
    world.preflight.fault = (name) => {
      if (name === 'bad.test') throw new Error('a programming error');
      return undefined;
    };
    await world.tick();
    const find = async (id: typeof bad) => (await world.store.find(world.tenantId, id))!;
    expect((await find(good)).issued?.version).toBe(1);
    expect((await find(bad)).issued).toBeUndefined();
    world.preflight.fault = () => undefined;
    await world.runUntil(clock.now() + 6 * MINUTE);
    expect((await find(bad)).issued?.version).toBe(1);
  });

  it('orders at the next CA what the CAA records of the domain forbid the first', async () => {
    const clock = new SetClock();
    const named = (name: string): SimulatedCa => {
      const ca = new SimulatedCa({ name, clock, lifetime: '6d' });
      ca.caaIdentities = async () => [`${name}.example`];
      return ca;
    };
    const [first, second] = [named('first'), named('second')];
    const world = certWorld([first, second], clock);
    world.preflight.allowed = 'second.example';
    const id = await world.add('shop.test');
    await world.runUntil(clock.now() + 5 * DAY);
    const find = async () => (await world.store.find(world.tenantId, id))!;
    expect((await find()).issued).toMatchObject({ version: 2, issuer: 'second' });
    expect(first.orders).toEqual([]);
    // Where nobody is allowed, the first says so, and nothing is ordered.
    world.preflight.allowed = 'nobody.example';
    await world.runUntil(clock.now() + 7 * DAY);
    expect((await find()).renewal).toMatchObject({
      stage: 'lost',
      lastError: 'CAA records allow nobody.example',
    });
    expect(second.orders).toHaveLength(2);
  });

  it('does not let a certificate expire because a CA asks to wait for years', async () => {
    const clock = new SetClock();
    const ca = new SimulatedCa({ clock, lifetime: '6d' });
    const world = certWorld([ca], clock);
    const id = await world.add('shop.test');
    await world.tick();
    const issue = ca.issue.bind(ca);
    let asked = 0;
    ca.issue = (request) => {
      if (++asked > 2) return issue(request);
      const retryAt = new Date(clock.now() + 30 * 365 * DAY);
      throw new IssuerError(ca.name, 'rate_limited', 'rateLimited: come again', { retryAt });
    };
    await world.runUntil(clock.now() + 6 * DAY - MINUTE);
    expect((await world.store.find(world.tenantId, id))!.issued?.version).toBe(2);
    expect(asked).toBe(3);
  });

  it('counts a renewal that the CA did not take for one', async () => {
    const clock = new SetClock();
    const limits = { perNameSet: { count: 1, per: 30 * DAY }, renewalsExempt: true };
    const ca = new SimulatedCa({ clock, limits });
    const { store, tenantId, keyRing, add } = certWorld([ca], clock);
    const settings = { clockSkew: 0, orderTimeout: MINUTE };
    const desk = new OrderDesk(new InMemoryIssuanceLimiter(clock), keyRing, settings, clock);
    const fresh = (await store.find(tenantId, await add('shop.test')))!;
    const [notBefore, notAfter] = [new Date(clock.now() - DAY), new Date(clock.now() + DAY)];
    const issued = {
      version: 1,
      issuer: ca.name,
      serialNumber: '01',
      ariId: 'un.known',
      notBefore,
      notAfter,
    };
    const renewed = { ...fresh, issued };
    const { signal } = new AbortController();
    expect(await desk.admit(renewed, ca)).toBeUndefined();
    expect(await desk.order(renewed, ca, new Date(clock.now()), signal)).toMatchObject({ outcome: 'issued' });
    expect(await desk.admit(fresh, ca)).toBeGreaterThan(0);
  });

  /** What the store does with the first so many that were issued. */
  function failingStore(times: number) {
    const clock = new SetClock();
    const ca = new SimulatedCa({ clock });
    const world = certWorld([ca], clock);
    let tries = 0;
    const activate = world.store.activate.bind(world.store);
    world.store.activate = async (...args) => {
      if (++tries <= times) throw new Error('the database is away');
      return activate(...args);
    };
    const tick = async () => {
      const ticking = world.tick();
      let ended = false;
      void ticking.finally(() => (ended = true));
      while (!ended) {
        const before = tries;
        await new Promise((turn) => setImmediate(turn));
        // Time goes on only while it waits.
        if (tries > 0 && tries === before) clock.set(clock.now() + 1_000);
      }
      await ticking;
    };
    const find = async (id: CertificateId) => (await world.store.find(world.tenantId, id))!;
    return { clock, ca, world, tick, find };
  }

  it('does not let go what was issued when the database is away for a moment', async () => {
    const { ca, world, tick, find } = failingStore(4);
    const id = await world.add('shop.test');
    await tick();
    expect((await find(id)).issued?.version).toBe(1);
    expect(ca.orders).toHaveLength(1);
  });

  it('orders once more after its claim has ended when the database stays away', async () => {
    const { clock, ca, world, tick, find } = failingStore(6);
    const id = await world.add('shop.test');
    const began = clock.now();
    await tick();
    expect((await find(id)).issued).toBeUndefined();
    // While its claim holds, nobody else can have begun an order.
    expect(clock.now() - began).toBeLessThan(6 * MINUTE);
    await world.runUntil(clock.now() + 7 * MINUTE);
    expect((await find(id)).issued?.version).toBe(1);
    expect(ca.orders).toHaveLength(2);
  });
});
