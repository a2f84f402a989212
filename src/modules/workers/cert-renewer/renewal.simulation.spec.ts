import { describe, expect, it } from '@jest/globals';
import { type CertWorld, certWorld, SetClock } from '../../../../test/support/cert-world.js';
import { type CertificateId } from '../../ids/typed-id.js';
import { SimulatedCa } from '../../certificates/issuers/simulated-ca/simulated-ca.js';
import { LETS_ENCRYPT_LIMITS } from '../../certificates/limits/issuance-limits.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const OUTAGE = 48 * HOUR;

/** Lifetimes in days. */
const LIFETIMES = [90, 64, 45, 6];
const DOMAINS = process.env.CERT_SIMULATION === 'full' ? 250 : 60;

describe('domains of each lifetime and a CA that is away for two days', () => {
  // `CERT_SIMULATION=full` visits every hour of every lifetime.
  const full = process.env.CERT_SIMULATION === 'full';
  const cases = LIFETIMES.flatMap((days) => {
    const shifts = full ? Math.ceil((days * 24) / DOMAINS) : 1;
    return Array.from({ length: shifts }, (_, shift) => ({ days, shift }));
  });

  it.each(cases)(
    'lose nothing, meet no limit, and tell each stage once ($days days, hours shifted by $shift)',
    async ({ days, shift }) => {
      const clock = new SetClock();
      const outageAt = clock.now() + days * DAY;
      const ca = new SimulatedCa({
        lifetime: `${days}d`,
        clock,
        limits: LETS_ENCRYPT_LIMITS,
        fault: (_, now) => (now >= outageAt && now < outageAt + OUTAGE ? 'outage' : undefined),
      });
      const world = certWorld([ca], clock);
      // Issued hour by hour, so that the outage meets each at another hour of its lifetime.
      const step = Math.max(1, Math.ceil((days * 24) / DOMAINS));
      const ages = Array.from({ length: DOMAINS }, (_, n) => (n * step + shift) % (days * 24));
      const ids: CertificateId[] = [];
      for (const [n, age] of ages.sort((a, b) => b - a).entries()) {
        await world.runUntil(outageAt - age * HOUR);
        ids.push(await world.add(`shop.d${n}.test`));
      }
      // Until each has been renewed after the outage.
      await world.runUntil(outageAt + OUTAGE + days * DAY);
      expect(ca.orders.filter(({ outcome }) => outcome === 'limit')).toEqual([]);
      expect(ca.orders.some(({ outcome }) => outcome === 'outage')).toBe(true);
      for (const id of ids) checkLife(world, id, days * DAY, clock.now());
    },
    240_000,
  );

  /** That it never expired, and told each stage once between two renewals. */
  function checkLife(world: CertWorld, id: CertificateId, lifetime: number, now: number): void {
    let renewedAt: number | undefined;
    let told: string[] = [];
    for (const { type, at } of world.events.of(id)) {
      if (type !== 'cert.issued' && type !== 'cert.renewed') {
        expect(told).not.toContain(type);
        told.push(type);
        continue;
      }
      // A certificate ends a lifetime after the second in which it was issued.
      if (renewedAt !== undefined) expect(at).toBeLessThan(renewedAt + lifetime);
      renewedAt = at;
      told = [];
    }
    expect(renewedAt).toBeDefined();
    expect(now).toBeLessThan(renewedAt! + lifetime);
  }
});

describe('the renewer and a CA that does wrong', () => {
  const at = (clock: SetClock, days: number) => clock.now() + days * DAY;
  const stageOf = async ({ store, tenantId }: CertWorld, id: CertificateId) =>
    (await store.find(tenantId, id))!.renewal;

  it.each([
    ['wrong_names', /it is for other.example.test instead of shop.test/],
    ['wrong_key', /it is for another key/],
    ['missing_chain', /its chain is missing/],
    ['expired', /it ended at/],
    ['outage', /cannot be reached/],
    ['directory_moved', /status 404/],
    ['rate_limited', /come again later/],
    ['validation', /connection: shop.test/],
    ['rejected', /rejectedIdentifier/],
    ['account_deactivated', /the account is deactivated/],
  ] as const)(
    'serves the old one after %s, says why, and renews when it is right again',
    async (fault, words) => {
      const clock = new SetClock();
      let wrong = false;
      const ca = new SimulatedCa({ clock, lifetime: '90d', fault: () => (wrong ? fault : undefined) });
      const world = certWorld([ca], clock);
      const id = await world.add('shop.test');
      await world.runUntil(at(clock, 1));
      const first = await world.store.active('shop.test');
      wrong = true;
      await world.runUntil(clock.now() + 62 * DAY);
      expect(await world.store.active('shop.test')).toEqual(first);
      expect(await stageOf(world, id)).toMatchObject({
        stage: 'backoff',
        lastError: expect.stringMatching(words),
      });
      wrong = false;
      await world.runUntil(clock.now() + 2 * DAY);
      expect((await world.store.active('shop.test'))?.version).toBe(2);
      expect(await stageOf(world, id)).toMatchObject({ stage: 'valid', failures: 0 });
      const types = world.events.of(id).map(({ type }) => type);
      expect(types).toEqual([
        'cert.renewing',
        'cert.issued',
        'cert.expiring',
        'cert.renewing',
        'cert.backoff',
        'cert.renewed',
      ]);
    },
  );

  it('gives a stuck order up after its time', async () => {
    const clock = new SetClock();
    const stuck = new SimulatedCa({ name: 'stuck', clock, fault: () => 'stuck' });
    const world = certWorld([stuck], clock, { orderTimeout: '5m' });
    const id = await world.add('shop.test');
    const tick = world.tick();
    while (stuck.orders.length === 0) await new Promise((turn) => setImmediate(turn));
    clock.set(clock.now() + 5 * 60_000);
    await tick;
    expect(await stageOf(world, id)).toMatchObject({
      stage: 'backoff',
      lastError: 'stuck: the order took longer than 300000 ms',
    });
  });

  it('tries the next CA when one fails for long, and the first again for the next renewal', async () => {
    const clock = new SetClock();
    let away = true;
    const first = new SimulatedCa({ name: 'first', clock, fault: () => (away ? 'outage' : undefined) });
    const second = new SimulatedCa({ name: 'second', clock });
    const world = certWorld([first, second], clock);
    const id = await world.add('shop.test');
    await world.runUntil(at(clock, 0.2));
    expect((await world.store.find(world.tenantId, id))!.issued?.issuer).toBe('second');
    expect(first.orders).toHaveLength(3);
    away = false;
    await world.runUntil(at(clock, 61));
    expect((await world.store.find(world.tenantId, id))!.issued).toMatchObject({
      issuer: 'first',
      version: 2,
    });
    // What the second issued is nothing that the first could replace.
    expect(first.orders.at(-1)).toMatchObject({ replaces: undefined, outcome: 'issued' });
  });

  it('is critical in the last twentieth, which is told once, and goes on trying when it has expired', async () => {
    const clock = new SetClock();
    let away = false;
    const ca = new SimulatedCa({ clock, lifetime: '90d', fault: () => (away ? 'outage' : undefined) });
    const world = certWorld([ca], clock);
    const id = await world.add('shop.test');
    await world.runUntil(at(clock, 1));
    away = true;
    await world.runUntil(at(clock, 88));
    expect(await stageOf(world, id)).toMatchObject({ stage: 'critical' });
    await world.runUntil(at(clock, 3));
    away = false;
    await world.runUntil(at(clock, 0.1));
    expect(await stageOf(world, id)).toMatchObject({ stage: 'valid' });
    const critical = world.events.of(id).filter(({ type }) => type === 'cert.critical');
    expect(critical).toHaveLength(1);
  });

  it('renews in the window of the CA, at once when that has passed, and then not again and again', async () => {
    const clock = new SetClock();
    let passed = false;
    const ca = new SimulatedCa({
      clock,
      lifetime: '90d',
      limits: LETS_ENCRYPT_LIMITS,
      renewalWindow: ({ notBefore }, now) => {
        const start = passed ? now - DAY : notBefore.getTime() + 20 * DAY;
        return { start: new Date(start), end: new Date(start + DAY / 2) };
      },
    });
    const world = certWorld([ca], clock);
    const id = await world.add('shop.test');
    const begin = clock.now();
    await world.runUntil(begin + 30 * DAY);
    const renewed = world.events.of(id).filter(({ type }) => type === 'cert.renewed');
    expect(renewed).toHaveLength(1);
    expect(renewed[0]!.at - begin).toBeGreaterThanOrEqual(20 * DAY);
    expect(renewed[0]!.at - begin).toBeLessThan(20.6 * DAY);
    expect(ca.orders.at(-1)!.replaces).toMatch(/\./);
    passed = true;
    await world.runUntil(clock.now() + DAY);
    const more = world.events.of(id).filter(({ type }) => type === 'cert.renewed').length - 1;
    expect(more).toBeGreaterThanOrEqual(1);
    expect(more).toBeLessThanOrEqual(7);
  });

  it.each([-1, 1])('does not storm a CA whose clock is wrong by %i h', async (hours) => {
    const clock = new SetClock();
    const ca = new SimulatedCa({
      clock,
      lifetime: '6d',
      clockOffset: hours * HOUR,
      limits: LETS_ENCRYPT_LIMITS,
    });
    const world = certWorld([ca], clock);
    await world.add('shop.test');
    await world.runUntil(at(clock, 30));
    expect(ca.orders.length).toBeLessThanOrEqual(11);
    expect(ca.orders.every(({ outcome }) => outcome === 'issued')).toBe(true);
  });

  it.each([-1, 1])(
    'does not storm a CA whose clock is wrong by %i h and that says when to renew, nor asks it each minute',
    async (hours) => {
      const clock = new SetClock();
      let polls = 0;
      const ca = new SimulatedCa({
        ...{
          clock,
          lifetime: '6d',
          clockOffset: hours * HOUR,
          limits: LETS_ENCRYPT_LIMITS,
          pollAfter: '30m',
        },
        renewalWindow: ({ notBefore }) => {
          polls++;
          const start = notBefore.getTime() + 3 * DAY;
          return { start: new Date(start), end: new Date(start + DAY / 4) };
        },
      });
      const world = certWorld([ca], clock);
      await world.add('shop.test');
      await world.runUntil(at(clock, 15));
      expect(ca.orders.length).toBeLessThanOrEqual(6);
      expect(ca.orders.every(({ outcome }) => outcome === 'issued')).toBe(true);
      expect(polls).toBeLessThanOrEqual(15 * 96 + ca.orders.length);
    },
  );

  it('does not keep certificates of one CA waiting for another that hangs', async () => {
    const clock = new SetClock();
    const hung = new SimulatedCa({ name: 'hung', clock, fault: () => 'stuck' });
    const good = new SimulatedCa({ name: 'good', clock });
    const world = certWorld([hung, good], clock, { failoverAfter: 1, concurrency: 2 });
    // Those of the first have failed once, so that it is the second's turn.
    const moved = await world.add('moved.test');
    const first = world.tick();
    while (hung.orders.length === 0) await new Promise((turn) => setImmediate(turn));
    clock.set(clock.now() + 6 * 60_000);
    await first;
    for (let n = 0; n < 6; n++) await world.add(`waits-${n}.test`);
    clock.set((await world.store.find(world.tenantId, moved))!.dueAt!.getTime());
    const tick = world.tick();
    while ((await world.store.active('moved.test')) === undefined)
      await new Promise((turn) => setImmediate(turn));
    expect(hung.orders.length).toBeLessThanOrEqual(1 + 2);
    let ended = false;
    void tick.finally(() => (ended = true));
    while (!ended) {
      clock.set(clock.now() + 60_000);
      await new Promise((turn) => setImmediate(turn));
    }
  });

  it('orders within the limits of the CA, however many domains come at once', async () => {
    const clock = new SetClock();
    const ca = new SimulatedCa({ clock, limits: LETS_ENCRYPT_LIMITS });
    const world = certWorld([ca], clock);
    for (let n = 0; n < 400; n++) await world.add(`n${n}.d${n}.test`);
    for (let n = 0; n < 60; n++) await world.add(`n${n}.one-domain.test`);
    await world.runUntil(at(clock, 0.5));
    expect(ca.orders.filter(({ outcome }) => outcome !== 'issued')).toEqual([]);
    const ofOne = ca.orders.filter(({ names }) => names[0]!.endsWith('.one-domain.test'));
    expect(ofOne.length).toBeLessThan(60);
    expect(ca.orders.length - ofOne.length).toBe(400);
    await world.runUntil(at(clock, 7));
    expect(ca.orders).toHaveLength(460);
  }, 120_000);

  it('asks a CA that could not validate a name no more often than it allows', async () => {
    const clock = new SetClock();
    const ca = new SimulatedCa({ clock, limits: LETS_ENCRYPT_LIMITS, fault: () => 'validation' });
    const world = certWorld([ca], clock);
    await world.add('shop.test');
    await world.runUntil(at(clock, 3));
    expect(ca.orders.filter(({ outcome }) => outcome === 'limit')).toEqual([]);
  });

  it('orders nothing for a domain that leads elsewhere, and gives it up once', async () => {
    const clock = new SetClock();
    const ca = new SimulatedCa({ clock, lifetime: '6d' });
    const world = certWorld([ca], clock);
    const id = await world.add('shop.test');
    await world.runUntil(at(clock, 1));
    world.preflight.fault = () => 'shop.test leads elsewhere';
    await world.runUntil(at(clock, 30));
    expect(ca.orders).toHaveLength(1);
    expect(await stageOf(world, id)).toMatchObject({ stage: 'lost', lastError: 'shop.test leads elsewhere' });
    expect(world.events.events.filter(({ type }) => type === 'domain.lost')).toHaveLength(1);
    world.preflight.fault = () => undefined;
    await world.runUntil(at(clock, 1.1));
    expect(await stageOf(world, id)).toMatchObject({ stage: 'valid' });
    expect(world.events.events.filter(({ type }) => type === 'domain.found')).toHaveLength(1);
  });
});
