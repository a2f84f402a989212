import { describe, expect, it } from '@jest/globals';
import { CronSchedule } from './cron-schedule.js';
import { ElapsedSchedule } from './elapsed-schedule.js';
import { EndingSchedule } from './ending-schedule.js';
import { IntervalSchedule } from './interval-schedule.js';
import { OnceSchedule } from './once-schedule.js';
import { type Schedule } from './schedule.js';

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);

describe('a schedule that ends', () => {
  it.each<[string, Schedule]>([
    ['of an interval', new IntervalSchedule('w', 7 * 60_000)],
    ['of cron', new CronSchedule({ cron: '*/10 * * * *' })],
    ['from a start', new ElapsedSchedule(7 * 60_000).startingAt!(START)],
    ['of one instant', new OnceSchedule(START + HOUR)],
  ])('has the slots up to its end, and none after it: %s', (_what, schedule) => {
    const end = START + 2 * HOUR;
    const ending = new EndingSchedule(schedule, end);
    const slots: number[] = [];
    for (let slot = schedule.next(START); slot <= end; slot = schedule.next(slot)) slots.push(slot);
    expect(slots.length).toBeGreaterThan(0);
    const found: number[] = [];
    for (let slot = ending.next(START); slot < Infinity; slot = ending.next(slot)) found.push(slot);
    expect(found).toEqual(slots);
    for (const at of [START, START + HOUR, end, end + HOUR, Infinity]) {
      expect(ending.count(START, at)).toBe(slots.filter((slot) => slot <= at).length);
      if (at > START) expect(ending.latest(at)).toBe(schedule.latest(Math.min(at, end)));
    }
    expect([ending.next(end), ending.next(Infinity), ending.count(end, Infinity)]).toEqual([
      Infinity,
      Infinity,
      0,
    ]);
  });

  it('has its end as a slot where it is one', () => {
    const schedule = new IntervalSchedule('w', HOUR);
    const end = schedule.next(START);
    const ending = new EndingSchedule(schedule, end);
    expect([ending.next(START), ending.next(end - 1), ending.next(end)]).toEqual([end, end, Infinity]);
  });

  it('has none at all where it ends before the first', () => {
    const ending = new EndingSchedule(new OnceSchedule(START), START - 1);
    expect([ending.next(0), ending.latest(Infinity), ending.count(0, Infinity)]).toEqual([
      Infinity,
      -Infinity,
      0,
    ]);
  });
});
