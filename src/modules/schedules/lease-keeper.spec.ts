import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../core/testing/manual-clock.js';
import { type HeldSchedule } from './held-schedule.js';
import { LeaseKeeper } from './lease-keeper.js';
import { type ScheduleStore } from './schedule.store.js';

const LEASE = 30_000;

describe('LeaseKeeper', () => {
  let clock: ManualClock;
  let renew: () => Promise<Set<number>>;
  let keeper: LeaseKeeper;
  let aborted: string[];

  beforeEach(() => {
    clock = new ManualClock();
    aborted = [];
    const held = {
      claim: { handler: 'reminder', key: 'ada', token: 1 },
      leaseUntil: clock.monotonic() + LEASE,
      execution: { abort: (reason: Error) => aborted.push(reason.message) },
    } as unknown as HeldSchedule;
    const store = { renew: () => renew() } as unknown as ScheduleStore;
    keeper = new LeaseKeeper(store, clock, new Map([[1, held]]), LEASE);
  });
  afterEach(() => keeper.stop());

  it.each([
    ['gives no answer', () => new Promise<never>(() => {})],
    ['is away', () => Promise.reject(new Error('away'))],
  ])('aborts a run when its lease has ended and the store %s', async (_, answer) => {
    renew = answer;
    keeper.keep();
    await clock.advance(LEASE - 1);
    expect(aborted).toEqual([]);
    await clock.advance(LEASE / 3);
    expect(aborted).toEqual([expect.stringContaining('could not be renewed in time')]);
  });

  it('relies on a lease for a tenth less than it stands in the store: clocks and timers are not exact', () => {
    const claim = { lease: new Date(5_000 + LEASE) };
    expect(keeper.trustedUntil(100, claim, new Date(5_000))).toBe(100 + LEASE * 0.9);
  });

  it('asks of no other than those that run whether they were removed or claimed anew: thousands may wait', async () => {
    const asked: string[] = [];
    const hold = (token: number, more: Partial<HeldSchedule>): [number, HeldSchedule] => [
      token,
      {
        claim: { handler: 'reminder', key: `key ${token}`, token },
        leaseUntil: clock.monotonic() + LEASE,
        ...more,
      } as HeldSchedule,
    ];
    const running = (name: string) =>
      ({ execution: { abort: () => aborted.push(name) } }) as unknown as Partial<HeldSchedule>;
    const held = new Map([hold(1, {}), hold(2, running('removed')), hold(3, running('claimed anew'))]);
    const store = {
      renew: () => Promise.resolve(new Set()),
      find: (_handler: string, key: string) => {
        asked.push(key);
        return Promise.resolve(key === 'key 3' ? {} : undefined);
      },
    } as unknown as ScheduleStore;
    const other = new LeaseKeeper(store, clock, held, LEASE);
    other.keep();
    await clock.advance(LEASE / 3 + 1);
    await clock.advance(LEASE / 3);
    other.stop();
    expect(asked).toEqual(['key 2', 'key 3']);
    expect(aborted).toEqual(['claimed anew']);
    expect([...held.values()].map(({ leaseUntil }) => leaseUntil)).toEqual([-Infinity, Infinity, -Infinity]);
  });

  it('aborts no run that is renewed, however long it takes', async () => {
    renew = () => Promise.resolve(new Set([1]));
    keeper.keep();
    await clock.advance(10 * LEASE);
    expect(aborted).toEqual([]);
  });
});
