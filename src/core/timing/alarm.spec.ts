import { describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '../testing/manual-clock.js';
import { Alarm } from './alarm.js';
import { SystemClock } from './clock.js';

describe('Alarm', () => {
  it('rings once, at its instant', async () => {
    const clock = new ManualClock();
    const rings: number[] = [];
    new Alarm(clock, () => rings.push(clock.now())).set(clock.now() + 5_000);
    await clock.advance('4999ms');
    expect(rings).toEqual([]);
    await clock.advance('1h');
    expect(rings).toEqual([Date.UTC(2026, 0, 1, 0, 0, 5)]);
  });

  it('rings on time for a wait beyond 2^31-1 ms, which is the longest that a timer of Node can wait', async () => {
    const clock = new ManualClock();
    const rings: number[] = [];
    new Alarm(clock, () => rings.push(clock.now())).set(clock.now() + 30 * 86_400_000);
    await clock.advance('31d');
    expect(rings).toEqual([Date.UTC(2026, 0, 31)]);
  });

  it('waits on when the timer fires before the wall clock has got there', () => {
    const clock = new SystemClock();
    const delays: number[] = [];
    let fire = (): void => {};
    jest.spyOn(clock, 'setTimer').mockImplementation((callback, delay) => {
      delays.push(delay);
      fire = callback;
      return { cancel: () => {} };
    });
    const now = jest.spyOn(clock, 'now').mockReturnValue(1_000);
    const ring = jest.fn();
    new Alarm(clock, ring).set(1_010);

    now.mockReturnValue(1_009);
    fire();
    expect(ring).not.toHaveBeenCalled();
    expect(delays).toEqual([10, 1]);

    now.mockReturnValue(1_010);
    fire();
    expect(ring).toHaveBeenCalledTimes(1);
  });

  it('keeps only the instant that was set last, and none when it is cleared', async () => {
    const clock = new ManualClock();
    const ring = jest.fn();
    const alarm = new Alarm(clock, ring);
    alarm.set(clock.now() + 1_000);
    alarm.set(clock.now() + 2_000);
    await clock.advance('1500ms');
    expect(ring).not.toHaveBeenCalled();
    alarm.clear();
    await clock.advance('1h');
    expect(ring).not.toHaveBeenCalled();
  });
});
