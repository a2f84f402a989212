import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type ArmedStart, StartTimes } from './start-times.js';
import { type ArmedTurn } from './turn.js';

describe('StartTimes', () => {
  let begun: ArmedStart[];
  let times: StartTimes;
  const start = (due: number): ArmedStart => ({ armed: {} as ArmedTurn, instant: 0, due });

  beforeEach(() => {
    jest.useFakeTimers();
    begun = [];
    times = new StartTimes((one) => begun.push(one));
  });
  afterEach(() => void jest.useRealTimers());

  it('begins nothing before it is due, and everything at most a hundredth of a second later', () => {
    const now = performance.now();
    const starts = [0.1, 3, 9.9, 10, 17, 25].map((after) => start(now + after));
    for (const one of starts) times.add(one);
    for (let passed = 0; passed <= 40; passed++) {
      for (const { due } of begun) expect(due).toBeLessThanOrEqual(performance.now());
      const late = starts.filter((one) => one.due <= performance.now() - 11 && !begun.includes(one));
      expect(late).toEqual([]);
      jest.advanceTimersByTime(1);
    }
    expect(begun).toHaveLength(6);
    expect(times.size).toBe(0);
  });

  it('takes one timer for all that start at a moment', () => {
    const now = Math.ceil(performance.now() / 10) * 10;
    for (let n = 0; n < 100; n++) times.add(start(now + 1 + n * 0.05));
    expect(jest.getTimerCount()).toBe(1);
    expect(times.size).toBe(100);
  });

  it('gives back what has not started, which never starts then', () => {
    const now = performance.now();
    times.add(start(now + 5));
    jest.advanceTimersByTime(20);
    const late = start(now + 100);
    times.add(late);
    expect(times.clear()).toEqual([late]);
    jest.advanceTimersByTime(1_000);
    expect(begun).toHaveLength(1);
    expect(times.size).toBe(0);
  });

  it('begins what is overdue at once', () => {
    times.add(start(performance.now() - 500));
    jest.advanceTimersByTime(1);
    expect(begun).toHaveLength(1);
  });
});
