import { fractionOf } from './hash.js';
import { type Schedule } from './schedule.js';

/**
 * Slots at `phase + k * interval` from the epoch. A late or long run moves none of them, so nothing drifts. The phase is
 * computed from the worker's name: workers with the same interval are spread over it instead of running together, and
 * every replica computes the same.
 */
export class IntervalSchedule implements Schedule {
  /** @param interval milliseconds, at least 1 */
  constructor(
    name: string,
    readonly interval: number,
    readonly phase = Math.floor(fractionOf(name) * interval),
  ) {}

  next(after: number): number {
    return this.slot(this.index(after) + 1);
  }

  latest(at: number): number {
    return this.slot(this.index(at));
  }

  count(after: number, until: number): number {
    return Math.max(0, this.index(until) - this.index(after));
  }

  private index(at: number): number {
    return Math.floor((at - this.phase) / this.interval);
  }

  private slot(index: number): number {
    return this.phase + index * this.interval;
  }
}
