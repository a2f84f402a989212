import { type CronFields } from './cron-expression.js';
import { type Schedule } from './schedule.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * The slots of a cron expression on a clock that is never set, on which every day has 24 hours: UTC, or local time read
 * as UTC.
 *
 * Every matching day has the same times. So slots are numbered within a day, and only days are iterated: fast for 86,400
 * slots a day, and for one in eight years (29 February from 2096 to 2104).
 */
export class CronPattern implements Schedule {
  private readonly perDay: number;

  constructor(private readonly fields: CronFields) {
    this.perDay = fields.hours.length * fields.minutes.length * fields.seconds.length;
  }

  /** Whether it has slots in each hour of a day that matches. */
  get everyHour(): boolean {
    return this.fields.hours.length === 24;
  }

  next(after: number): number {
    let day = Math.floor(after / DAY);
    const passed = this.passed(after - day * DAY);
    if (passed < this.perDay && this.matches(day)) return day * DAY + this.time(passed);
    do day++;
    while (!this.matches(day));
    return day * DAY + this.time(0);
  }

  latest(at: number): number {
    let day = Math.floor(at / DAY);
    const passed = this.passed(at - day * DAY);
    if (passed > 0 && this.matches(day)) return day * DAY + this.time(passed - 1);
    do day--;
    while (!this.matches(day));
    return day * DAY + this.time(this.perDay - 1);
  }

  count(after: number, until: number): number {
    if (until <= after) return 0;
    const first = Math.floor(after / DAY);
    const last = Math.floor(until / DAY);
    let count = this.matches(last) ? this.passed(until - last * DAY) : 0;
    if (this.matches(first)) count -= this.passed(after - first * DAY);
    for (let day = first; day < last; day++) if (this.matches(day)) count += this.perDay;
    return count;
  }

  /** @param day days since the epoch */
  private matches(day: number): boolean {
    const { months, daysOfMonth, daysOfWeek } = this.fields;
    const date = new Date(day * DAY);
    if (!months.includes(date.getUTCMonth() + 1)) return false;
    const onDate = daysOfMonth.includes(date.getUTCDate());
    const onWeekday = daysOfWeek.includes(date.getUTCDay());
    return daysOfMonth.length < 31 && daysOfWeek.length < 7 ? onDate || onWeekday : onDate && onWeekday;
  }

  /** Number of times of a matching day at or before `time`, in milliseconds of the day. */
  private passed(time: number): number {
    const { hours, minutes, seconds } = this.fields;
    const hour = Math.floor(time / HOUR);
    const minute = Math.floor((time % HOUR) / MINUTE);
    let passed = below(hours, hour) * minutes.length * seconds.length;
    if (!hours.includes(hour)) return passed;
    passed += below(minutes, minute) * seconds.length;
    if (!minutes.includes(minute)) return passed;
    return passed + below(seconds, Math.floor((time % MINUTE) / SECOND) + 1);
  }

  /** The nth time of a matching day, from 0. */
  private time(nth: number): number {
    const { hours, minutes, seconds } = this.fields;
    const minute = Math.floor(nth / seconds.length);
    return (
      hours[Math.floor(minute / minutes.length)]! * HOUR +
      minutes[minute % minutes.length]! * MINUTE +
      seconds[nth % seconds.length]! * SECOND
    );
  }
}

function below(values: readonly number[], limit: number): number {
  return values.filter((value) => value < limit).length;
}
