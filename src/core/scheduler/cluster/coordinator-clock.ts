import { Clock, type Timer } from '../../timing/clock.js';

/** Samples older than this count no more, so that clocks that drift apart are followed. */
const MEMORY = 30_000;

/**
 * The coordinator's time, as this replica can know it. A slot is due when the coordinator says so, and what the
 * replica's own wall clock shows, or how it is set, changes nothing.
 *
 * Every answer is a sample: when it arrives, the coordinator's clock shows at least the time in it. The newest of
 * these lower bounds, carried on by the replica's monotonic clock, is `now()`: late by as much as the fastest answer
 * took, never early but for drift.
 */
export class CoordinatorClock extends Clock {
  /** Coordinator's time minus monotonic time, the largest of this stretch of samples and of the one before. */
  private current = -Infinity;
  private before = -Infinity;
  private since = -Infinity;

  constructor(private readonly own: Clock) {
    super();
  }

  /** Whether it has ever heard from the coordinator. */
  get known(): boolean {
    return this.offset > -Infinity;
  }

  /** Hands on an answer after taking its time. */
  heard<T extends { readonly time: number }>(answer: T): T {
    const now = this.own.monotonic();
    const offset = answer.time - now;
    if (now - this.since > MEMORY) {
      this.before = this.current;
      this.current = -Infinity;
      this.since = now;
    }
    this.current = Math.max(this.current, offset);
    return answer;
  }

  /** The coordinator's clock was set back: what was heard before is void. */
  restart(answer: { readonly time: number }): void {
    this.before = this.current = -Infinity;
    this.heard(answer);
  }

  /** Before the first answer the replica's own wall clock, which is better than nothing. */
  now(): number {
    return this.known ? this.own.monotonic() + this.offset : this.own.now();
  }

  monotonic(): number {
    return this.own.monotonic();
  }

  setTimer(callback: () => void, delay: number, unref?: boolean): Timer {
    return this.own.setTimer(callback, delay, unref);
  }

  private get offset(): number {
    return Math.max(this.current, this.before);
  }
}
