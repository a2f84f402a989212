import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../testing/manual-clock.js';
import { WallWatch } from './wall-watch.js';

describe('WallWatch', () => {
  it('tells how far the wall clock was set back since the last look, however much time has passed', async () => {
    const clock = new ManualClock();
    const watch = new WallWatch(clock);
    await clock.advance('1d');
    expect(watch.setBack()).toBe(0);
    clock.setWall(clock.now() - 5_000);
    await clock.advance('1h');
    expect(watch.setBack()).toBe(5_000);
    expect(watch.setBack()).toBe(0);
  });

  it('tells a way forward as one below zero, and adds up several', () => {
    const clock = new ManualClock();
    const watch = new WallWatch(clock);
    clock.setWall(clock.now() + 5_000);
    clock.setWall(clock.now() - 2_000);
    expect(watch.setBack()).toBe(-3_000);
  });
});
