import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../core/testing/manual-clock.js';
import { HandlerLane } from './handler-lane.js';
import { type HeldSchedule } from './held-schedule.js';
import { type ScheduledHandler } from './scheduled-handlers.js';

const CONCURRENCY = 10;

describe('HandlerLane', () => {
  let clock: ManualClock;
  let lane: HandlerLane;

  beforeEach(() => {
    clock = new ManualClock();
    const handler = { concurrency: CONCURRENCY, groupConcurrency: CONCURRENCY } as ScheduledHandler;
    lane = new HandlerLane(handler, clock, (held) => lane.left(held));
  });

  it.each([100_000, Number.MAX_SAFE_INTEGER])(
    'takes no more at once with a concurrency of %d',
    (concurrency) => {
      const handler = { concurrency, groupConcurrency: concurrency } as ScheduledHandler;
      expect(new HandlerLane(handler, clock, () => {}).room).toBe(4_000);
    },
  );

  /** Claims so many, runs them, and stores their results. */
  const run = (count: number, payload: string | null): void => {
    for (let n = 0; n < count; n++) {
      const held = { claim: { group: null, claims: 1, payload } } as HeldSchedule;
      lane.claimed(held.claim);
      lane.add(held, 0);
      lane.released(held.claim);
    }
  };

  it('takes at first as many as it runs at a time, and as many ahead', () => {
    expect(lane.room).toBe(2 * CONCURRENCY);
  });

  it('takes ahead what it runs in two seconds, and no more when its runs have become slow', async () => {
    run(700, null);
    expect(lane.room).toBe(CONCURRENCY + 1_400);
    await clock.advance(10_000);
    expect(lane.room).toBe(2 * CONCURRENCY);
  });

  it('takes no more at once than four thousand, and of large payloads as many as have 16 million characters', () => {
    run(5_000, '{}');
    expect(lane.room).toBe(4_000);
    run(5_000, 'x'.repeat(64_000));
    expect(lane.room).toBeLessThanOrEqual(CONCURRENCY + 251);
    run(5_000, null);
    expect(lane.room).toBe(4_000);
  });
});
