import { Clock, type Timer } from '../../timing/clock.js';

/** Milliseconds after which samples no longer count, so that clocks that drift apart are followed. */
const MEMORY = 30_000;

/**
 * The coordinator's time, as this replica can know it. A slot is due by the coordinator's clock; the replica's own wall
 * clock, and changes to it, have no effect.
 *
 * Every answer is a sample: when it arrives, the coordinator's clock shows at least the time in it. `now()` is the
 * largest of these lower bounds, advanced by the replica's monotonic clock: late by as much as the fastest answer took,
 * and never early except for drift.
 */
export class CoordinatorClock extends Clock {
  /** Largest coordinator's time minus monotonic time of the current period of samples, and of the one before. */
  private current = -Infinity;
  private before = -Infinity;
  private since = -Infinity;

  constructor(private readonly own: Clock) {
    super();
  }

  /** Whether there was any answer of the coordinator. */
  get known(): boolean {
    return this.offset > -Infinity;
  }

  /** Takes the time of an answer, and returns the answer. */
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

  /** The coordinator's clock was set back: earlier samples are void. */
  restart(answer: { readonly time: number }): void {
    this.before = this.current = -Infinity;
    this.heard(answer);
  }

  /** Milliseconds since the epoch. Before the first answer by the replica's own wall clock. */
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
