import { EndingSchedule } from '../../core/timing/ending-schedule.js';
import { IntervalSchedule } from '../../core/timing/interval-schedule.js';
import { JitteredSchedule } from '../../core/timing/jittered-schedule.js';
import { OnceSchedule } from '../../core/timing/once-schedule.js';
import { type Schedule } from '../../core/timing/schedule.js';
import { shown } from '../input/input.js';
import { cronSchedule } from './cron-expressions.js';
import { type ScheduleTiming } from './schedule.js';
import { type Turn } from './schedule.store.js';

/** The slots of one stored schedule: those of workers, from a start, to an end. All instants are milliseconds since the epoch. */
export class ScheduleSlots {
  private readonly slots: JitteredSchedule;

  /** @throws Error for a timing that cannot be, as somebody may have written it into the table */
  constructor(
    { handler, key }: { handler: string; key: string },
    private readonly timing: ScheduleTiming,
  ) {
    check(timing);
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

  /** When the run of a slot is to start: later than the slot with `jitter`. */
  dueAt(slot: number): number {
    return this.slots.dueAt(slot);
  }

  /**
   * Where a slot lies now that was computed by the rules of its time zone as they were before, when that is later; null when it stays.
   * Where it lies earlier by now it is run when it was planned for, as nobody has looked at it since.
   */
  postponed(slot: number): Turn | null {
    if (this.timing.timeZone === undefined) return null;
    const [before, after] = [this.slots.latest(slot), this.slots.next(slot)];
    return after - slot < slot - before ? this.turn(after) : null;
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

const NUMBERS = ['every', 'at', 'jitter', 'startsAt', 'until', 'limit', 'catchUp'] as const;

function check(timing: ScheduleTiming): void {
  if (typeof timing !== 'object' || timing === null) throw new Error('it is no object');
  for (const name of NUMBERS)
    if (timing[name] !== undefined && !Number.isFinite(timing[name]))
      throw new Error(`${name}: ${shown(timing[name])} is no number`);
  const { every, cron, at } = timing;
  if (every !== undefined && every <= 0) throw new Error(`every: ${every} is no number above 0`);
  if (every === undefined && cron === undefined && at === undefined) throw new Error('it does not say when');
}

function everySlot(name: string, { every, cron, timeZone = 'UTC', at, startsAt }: ScheduleTiming): Schedule {
  if (every !== undefined)
    return startsAt === undefined
      ? new IntervalSchedule(name, every)
      : new IntervalSchedule(name, every, ((startsAt % every) + every) % every);
  if (cron !== undefined) return cronSchedule(cron, timeZone);
  return new OnceSchedule(at!);
}
