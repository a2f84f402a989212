import { describe, expect, it } from '@jest/globals';
import { DelaySchedule, OnceSchedule } from './once-schedule.js';

describe('OnceSchedule', () => {
  const schedule = new OnceSchedule(1_000);

  it('has one slot, and none before or after it', () => {
    expect([schedule.next(999), schedule.next(1_000), schedule.next(2_000)]).toEqual([
      1_000,
      Infinity,
      Infinity,
    ]);
    expect([schedule.latest(999), schedule.latest(1_000), schedule.latest(2_000)]).toEqual([
      -Infinity,
      1_000,
      1_000,
    ]);
  });

  it('counts it once, in the stretch of time that ends with it or holds it', () => {
    expect([schedule.count(0, 999), schedule.count(0, 1_000), schedule.count(999, 5_000)]).toEqual([0, 1, 1]);
    expect(schedule.count(1_000, 5_000)).toBe(0);
  });
});

describe('DelaySchedule', () => {
  it('has its slot so long after the start, whenever that is', () => {
    const schedule = new DelaySchedule(500).startingAt(10_000);
    expect(schedule.next(10_000)).toBe(10_500);
    expect(schedule.startingAt!(20_000).next(10_000)).toBe(20_500);
  });
});
