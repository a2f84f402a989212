import { type CronExpression, InvalidCronError, parseCron } from './cron-expression.js';
import { CronPattern } from './cron-pattern.js';
import { type Schedule } from './schedule.js';
import { WallClock } from './wall-clock.js';

export { type CronExpression, InvalidCronError } from './cron-expression.js';

const DAY = 86_400_000;

/**
 * Slots of a cron expression by local time. When clocks are set forward, times that do not exist share one slot, at the
 * change. When they are set back, a time that comes twice has a slot the first time; an expression for every hour (`0 * *
 * * *`) has one both times, so that it never pauses for an hour.
 */
export class CronSchedule implements Schedule {
  private readonly pattern: CronPattern;
  private readonly clock: WallClock;

  /** @throws InvalidCronError for an expression that cannot be read or never comes, and for an unknown time zone */
  constructor({ cron, timeZone, utcOffset }: CronExpression) {
    this.pattern = new CronPattern(parseCron(cron));
    this.clock = utcOffset === undefined ? wallClock(timeZone) : fixedClock(utcOffset, timeZone);
  }

  next(after: number): number {
    const slot = this.clock.reaches(this.pattern.next(this.clock.reached(after)));
    const [repeat] = this.repeats(after - DAY, after + DAY);
    if (!repeat) return slot;
    const reading = this.pattern.next(Math.max(repeat.first - 1, after + repeat.offset));
    return reading <= repeat.last ? Math.min(slot, reading - repeat.offset) : slot;
  }

  latest(at: number): number {
    const slot = this.clock.reaches(this.pattern.latest(this.clock.reached(at)));
    const [repeat] = this.repeats(slot - DAY, slot + DAY);
    if (!repeat) return slot;
    const reading = this.pattern.latest(Math.min(repeat.last, at + repeat.offset));
    return reading >= repeat.first ? Math.max(slot, reading - repeat.offset) : slot;
  }

  /** Exact, also for years of slots every second: it iterates over days, not slots. */
  count(after: number, until: number): number {
    if (until <= after) return 0;
    let count = this.pattern.count(this.clock.reached(after), this.clock.reached(until));
    for (const change of this.clock.changes(after, until)) {
      const atOnce = this.pattern.count(change.at + change.before - 1, change.at + change.after);
      if (atOnce > 1) count -= atOnce - 1;
    }
    for (const { first, last, offset } of this.repeats(after - DAY, until)) {
      const within = (at: number): number => Math.min(Math.max(first - 1, at + offset), last);
      count += this.pattern.count(within(after), within(until));
    }
    return count;
  }

  /** The local times that are repeated after changes in that period, if they have slots again. */
  private repeats(after: number, until: number): Repeat[] {
    if (!this.pattern.everyHour) return [];
    return this.clock
      .changes(after, until)
      .filter((change) => change.after < change.before)
      .map(({ at, before, after }) => ({ first: at + after, last: at + before - 1, offset: after }));
  }
}

/**
 * Local times, first to last, that come a second time, with `offset` milliseconds ahead of UTC. For readings see
 * `WallClock`.
 */
interface Repeat {
  readonly first: number;
  readonly last: number;
  readonly offset: number;
}

function wallClock(timeZone: string | undefined): WallClock {
  try {
    return new WallClock(timeZone);
  } catch {
    throw new InvalidCronError(timeZone, "is not a time zone: give an IANA name ('Europe/Berlin', 'UTC')");
  }
}

function fixedClock(utcOffset: number, timeZone: string | undefined): WallClock {
  if (timeZone !== undefined)
    throw new InvalidCronError(timeZone, `is given beside a utcOffset of ${utcOffset}: give one of them`);
  if (!(Math.abs(utcOffset) <= 1_440))
    throw new InvalidCronError(
      utcOffset,
      'is not a utcOffset: give minutes, at most a day of them (330 is +05:30)',
    );
  return new WallClock(utcOffset);
}
