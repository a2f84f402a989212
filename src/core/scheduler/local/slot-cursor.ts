import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type Clock } from '../../timing/clock.js';
import { STEADY, WallWatch } from '../../timing/wall-watch.js';
import { type Timing } from '../../registry/timing.js';

/**
 * Milliseconds. When the clock is set back by less, cron slots are not run again; more corrects a wrong clock
 * (cron(8)).
 */
const LONGEST_WAY_BACK = 3 * 3_600_000;

/**
 * The position of a worker in the sequence of its slots: **every slot is handled once, in order**, and the cursor is
 * at the last one that was. With spacing `delay` there is no sequence, and the cursor is where the interval counts
 * from.
 */
export class SlotCursor {
  /** Whether the interval counts from the end of a run (spacing `delay`). */
  readonly delayed: boolean;
  private current: Timing;
  private at = 0;
  /** The start from which an interval counts its slots. */
  private start = 0;
  private readonly wall: WallWatch;

  constructor(
    private readonly definition: Timing & Pick<WorkerDefinition, 'spacing' | 'until'>,
    private readonly clock: Clock,
  ) {
    this.delayed = definition.spacing === 'delay';
    this.current = definition;
    this.wall = new WallWatch(clock);
  }

  get timing(): Timing {
    return this.current;
  }

  /** The last slot that was handled. */
  get slot(): number {
    return this.at;
  }

  /** The first slot that was not handled; Infinity when there is none. */
  get next(): number {
    const { schedule, interval } = this.current;
    if (!schedule) return Infinity;
    if (!this.delayed) return schedule.next(this.at);
    const next = this.at + interval;
    return next > this.definition.until ? Infinity : next;
  }

  /** When the run for the next slot is due; Infinity when there is none. */
  get dueAt(): number {
    const { next } = this;
    return next === Infinity ? Infinity : this.current.schedule!.dueAt(next);
  }

  /**
   * Slots up to now are neither run nor counted.
   * @returns now
   */
  countFromNow(): number {
    this.wall.setBack();
    return (this.at = this.clock.now());
  }

  /**
   * `countFromNow` with another timing; slots that are counted from a start are counted from now.
   * @returns now
   */
  startWith({ schedule, ...timing }: Timing): number {
    const now = this.countFromNow();
    this.current = { ...timing, schedule: schedule?.startingAt(now) };
    this.start = now;
    return now;
  }

  /**
   * Handles all slots that are due.
   * @returns how many there were
   */
  pass(now: number): number {
    const { schedule } = this.current;
    if (!schedule || this.delayed) return 0;
    const latest = schedule.latestDue(now);
    const passed = schedule.count(this.at, latest);
    if (passed > 0) this.at = latest;
    return passed;
  }

  /**
   * Milliseconds by which the wall clock was set back since the last call; see `WallWatch`. Slots that are counted
   * from a start move with it: they measure elapsed time, as `setInterval` and `setTimeout` do.
   */
  setBack(): number {
    const back = this.wall.setBack();
    const { schedule } = this.current;
    if (schedule?.counted && Math.abs(back) > STEADY) {
      this.start -= back;
      this.at -= back;
      this.current = { ...this.current, schedule: schedule.startingAt(this.start) };
    }
    return back;
  }

  /**
   * When the wall clock was set back, its instants come again: slots that passed before are handled, and slots count
   * from the new time. Ignored when it was set back by less than the interval, or for cron by less than
   * `LONGEST_WAY_BACK`.
   * @returns how many slots had passed before and were not handled
   */
  follow(now: number, back: number): number {
    const { schedule, interval, cron } = this.current;
    if (!schedule || schedule.counted || (interval === 0 && cron === undefined)) return 0;
    const ignored = Math.max(interval || LONGEST_WAY_BACK, STEADY);
    if (back <= ignored && this.at - now <= ignored) return 0;
    if (this.delayed) {
      this.at = Math.min(now, this.at - back);
      return 0;
    }
    const passed = schedule.count(this.at, schedule.latestDue(now + back));
    this.at = schedule.latest(now);
    return passed;
  }
}
