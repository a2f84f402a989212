import { describe, expect, it } from '@jest/globals';
import { IntervalSchedule } from './interval-schedule.js';

const NOW = Date.UTC(2026, 5, 1, 12);

describe('IntervalSchedule', () => {
  const schedule = new IntervalSchedule('gc', 60_000);

  it('has one slot in every interval, the next one strictly later', () => {
    const slot = schedule.next(NOW);
    expect(slot).toBeGreaterThan(NOW);
    expect(slot).toBeLessThanOrEqual(NOW + 60_000);
    expect(schedule.next(slot)).toBe(slot + 60_000);
  });

  it('finds the latest slot at an instant, the instant itself included', () => {
    const slot = schedule.next(NOW);
    expect(schedule.latest(slot)).toBe(slot);
    expect(schedule.latest(slot - 1)).toBe(slot - 60_000);
    expect(schedule.latest(slot + 59_999)).toBe(slot);
  });

  it('counts the slots after one instant up to another', () => {
    const slot = schedule.next(NOW);
    expect(schedule.count(slot, slot)).toBe(0);
    expect(schedule.count(slot, slot + 59_999)).toBe(0);
    expect(schedule.count(slot, slot + 60_000)).toBe(1);
    expect(schedule.count(slot - 1, slot + 600_000)).toBe(11);
    expect(schedule.count(slot, slot - 600_000)).toBe(0);
  });

  it('gives every replica the same slots, as they depend on name and interval alone', () => {
    expect(new IntervalSchedule('gc', 60_000).next(NOW)).toBe(schedule.next(NOW));
  });

  it('spreads workers of one interval over it, also when their names differ in a digit alone', () => {
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 1_000; i++)
      tenths[Math.floor(new IntervalSchedule(`worker-${i}`, 1_000).phase / 100)]!++;
    for (const inTenth of tenths) expect(inTenth).toBeGreaterThan(60);
    expect(Math.max(...tenths)).toBeLessThan(140);
  });

  it('has exact slots for an interval of a year, and of a millisecond', () => {
    const year = new IntervalSchedule('audit', 31_536_000_000);
    expect(year.next(year.next(NOW)) - year.next(NOW)).toBe(31_536_000_000);
    expect(new IntervalSchedule('hot', 1).next(NOW)).toBe(NOW + 1);
  });
});
