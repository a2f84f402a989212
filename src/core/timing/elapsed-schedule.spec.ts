import { describe, expect, it } from '@jest/globals';
import { ElapsedSchedule } from './elapsed-schedule.js';

describe('ElapsedSchedule', () => {
  const START = Date.UTC(2026, 0, 1, 0, 0, 7);
  const schedule = new ElapsedSchedule(60_000).startingAt(START);

  it('has its first slot an interval after the start, and the others an interval apart', () => {
    expect(schedule.next(START)).toBe(START + 60_000);
    expect(schedule.next(START + 60_000)).toBe(START + 120_000);
    expect(schedule.latest(START + 179_999)).toBe(START + 120_000);
    expect(schedule.count(START, START + 600_000)).toBe(10);
  });

  it('counts from another start when it is given one', () => {
    expect(schedule.startingAt!(START + 1).next(START + 1)).toBe(START + 60_001);
  });
});
