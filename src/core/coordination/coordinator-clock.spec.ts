import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../testing/manual-clock.js';
import { CoordinatorClock } from './coordinator-clock.js';

describe("the coordinator's time", () => {
  it('is the own wall clock as long as nothing was heard', () => {
    const own = new ManualClock();
    const clock = new CoordinatorClock(own);
    expect(clock.known).toBe(false);
    expect(clock.now()).toBe(own.now());
  });

  it('goes on from the answer that was the fastest, whatever the own wall clock shows', async () => {
    const own = new ManualClock();
    const clock = new CoordinatorClock(own);
    clock.heard({ time: 10_000 });
    await own.advance(500);
    own.setWall(0);
    expect(clock.now()).toBe(10_500);
    clock.heard({ time: 10_300 });
    expect(clock.now()).toBe(10_500);
    clock.heard({ time: 10_600 });
    expect(clock.now()).toBe(10_600);
  });

  it('forgets within a minute what it heard, so that a clock which is fast is put right', async () => {
    const own = new ManualClock();
    const clock = new CoordinatorClock(own);
    clock.heard({ time: 0 });
    for (let s = 1; s <= 65; s++) {
      await own.advance(1_000);
      clock.heard({ time: s * 990 });
    }
    expect(clock.now()).toBeLessThan(65 * 990 + 610);
  });
});
