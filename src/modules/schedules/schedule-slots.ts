import { EndingSchedule } from '../../core/timing/ending-schedule.js';
import { IntervalSchedule } from '../../core/timing/interval-schedule.js';
import { JitteredSchedule } from '../../core/timing/jittered-schedule.js';
import { OnceSchedule } from '../../core/timing/once-schedule.js';
import { type Schedule } from '../../core/timing/schedule.js';
import { cronSchedule } from './cron-expressions.js';
import { type ScheduleTiming } from './schedule.js';
import { type Turn } from './schedule.store.js';

/** The slots of one stored schedule: those of workers, from a start, to an end. All instants are milliseconds since the epoch. */
export class ScheduleSlots {
  private readonly slots: JitteredSchedule;

  constructor(
    { handler, key }: { handler: string; key: string },
    private readonly timing: ScheduleTiming,
  ) {
    const name = `${handler}:${key}`;
    const { until, jitter = 0 } = timing;
    const all = everySlot(name, timing);
    this.slots = new JitteredSchedule(
      name,
      until === undefined ? all : new EndingSchedule(all, until),
      jitter,
    );
  }

  /** The first turn of a definition that takes effect now; an instant that has passed is a turn still. */
  first(now: number): Turn | null {
    const { at, startsAt = -Infinity } = this.timing;
    return this.turn(at ?? this.slots.next(Math.max(now, startsAt - 1)));
  }

  after(slot: number): Turn | null {
    return this.turn(this.slots.next(slot));
  }

  /** The latest slot whose run is due, not before the given one. */
  latestDue(from: number, now: number): number {
    return Math.max(from, this.slots.latestDue(now));
  }

  /** How many slots lie after the one, up to and including the other. */
  count(after: number, until: number): number {
    return this.slots.count(after, until);
  }

  /** The first n turns of a definition that takes effect now. */
  upcoming(now: number, n: number): Turn[] {
    return this.row(this.first(now), n);
  }

  /** The next n turns after a slot. */
  upcomingAfter(slot: number, n: number): Turn[] {
    return this.row(this.after(slot), n);
  }

  private row(first: Turn | null, n: number): Turn[] {
    const turns: Turn[] = [];
    for (let turn = first; turn && turns.length < n; turn = this.after(turn.slot)) turns.push(turn);
    return turns;
  }

  private turn(slot: number): Turn | null {
    return Number.isFinite(slot) ? { slot, plannedAt: this.slots.dueAt(slot) } : null;
  }
}

function everySlot(name: string, { every, cron, timeZone = 'UTC', at, startsAt }: ScheduleTiming): Schedule {
  if (every !== undefined)
    return startsAt === undefined
      ? new IntervalSchedule(name, every)
      : new IntervalSchedule(name, every, ((startsAt % every) + every) % every);
  if (cron !== undefined) return cronSchedule(cron, timeZone);
  return new OnceSchedule(at!);
}
