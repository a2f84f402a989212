import { type Clock } from '../../core/timing/clock.js';
import { type ScheduleStore } from './schedule.store.js';

/** An answer that is older is asked for anew: two clocks run apart by some milliseconds an hour. */
const GOOD_FOR = 60_000;

/** The store's time, continued by the monotonic clock of this process: its wall clock may be wrong. */
export class StoreTime {
  private heard?: { now: number; at: number };

  constructor(
    private readonly clock: Clock,
    private readonly store: Pick<ScheduleStore, 'now' | 'shared'>,
  ) {}

  /** The store has just said so. */
  hear(now: number): void {
    this.heard = { now, at: this.clock.monotonic() };
  }

  /** Milliseconds since the epoch. */
  now(): number {
    if (!this.store.shared || !this.heard) return this.clock.now();
    return Math.round(this.heard.now + this.clock.monotonic() - this.heard.at);
  }

  /** The same, asked for where the last answer is old. */
  async current(): Promise<number> {
    if (this.store.shared && !(this.heard && this.clock.monotonic() - this.heard.at < GOOD_FOR))
      this.hear((await this.store.now()).getTime());
    return this.now();
  }
}
