import { IntervalSchedule } from './interval-schedule.js';
import { type Schedule } from './schedule.js';

/** Slots at an interval, counted from a start as `setInterval` does: the first one is an interval after it. */
export class ElapsedSchedule extends IntervalSchedule {
  /** @param interval milliseconds, at least 1 */
  constructor(interval: number, start = 0) {
    super('', interval, start);
  }

  startingAt(start: number): Schedule {
    return new ElapsedSchedule(this.interval, start);
  }
}
