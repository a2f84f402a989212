import { type Schedule } from './schedule.js';

/** The slots of another schedule up to an instant. `next` is Infinity when there is none left. */
export class EndingSchedule implements Schedule {
  /** @param until the last instant that may be a slot, milliseconds since the epoch */
  constructor(
    private readonly schedule: Schedule,
    private readonly until: number,
  ) {}

  next(after: number): number {
    if (after >= this.until) return Infinity;
    const next = this.schedule.next(after);
    return next > this.until ? Infinity : next;
  }

  latest(at: number): number {
    return this.schedule.latest(Math.min(at, this.until));
  }

  count(after: number, until: number): number {
    return after >= this.until ? 0 : this.schedule.count(after, Math.min(until, this.until));
  }

  startingAt(start: number): EndingSchedule {
    const { schedule, until } = this;
    return schedule.startingAt ? new EndingSchedule(schedule.startingAt(start), until) : this;
  }
}
