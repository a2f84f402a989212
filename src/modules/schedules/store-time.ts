import { type Clock } from '../../core/timing/clock.js';
import { type TransactionRunner } from '../../core/worker/run-context.js';
import { type ScheduleStore } from './schedule.store.js';

/** An answer that is older is asked for anew: two clocks run apart by some milliseconds an hour. */
const GOOD_FOR = 60_000;

/**
 * The store's time, continued by the monotonic clock of this process: its wall clock may be wrong.
 *
 * An answer was true at an unknown instant between question and answer. Taken as that of the answer it is never ahead of the store, but
 * behind by as much as the answer took: by a claim of a thousand on a busy machine, half a second. So the best one is kept, for as
 * long as no later one contradicts it.
 */
export class StoreTime {
  /** Store's time less that of the monotonic clock. */
  private offset?: number;
  private heardAt = -Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly store: Pick<ScheduleStore, 'now' | 'shared'>,
  ) {}

  /** The store has just said so. @param asked when it was asked, by the monotonic clock */
  hear(now: number, asked: number): void {
    this.heardAt = this.clock.monotonic();
    const [least, most] = [now - this.heardAt, now - asked + 1];
    if (this.offset === undefined || this.offset < least || this.offset > most) this.offset = least;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    if (!this.store.shared || this.offset === undefined) return this.clock.now();
    return Math.round(this.offset + this.clock.monotonic());
  }

  /** Asks for it alone, which takes a fraction of what a claim does. @param manager asks in that transaction */
  async ask(manager?: TransactionRunner): Promise<void> {
    if (!this.store.shared) return;
    const asked = this.clock.monotonic();
    this.hear((await this.store.now(manager)).getTime(), asked);
  }

  /** The same as `now`, asked for where the last answer is old. */
  async current(manager?: TransactionRunner): Promise<number> {
    if (this.clock.monotonic() - this.heardAt >= GOOD_FOR) await this.ask(manager);
    return this.now();
  }
}
