import { inRootContext } from './root-context.js';

/** The longest that Node's timers take, milliseconds: 24.8 days. They make 1 ms of anything beyond. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A timer that has not fired yet. Cancelling one that has is harmless. */
export interface Timer {
  cancel(): void;
}

/**
 * Where the framework reads time and waits for it. Everything that ticks goes through this port, so that a
 * test can put a manual clock in its place (`overrideProvider(Clock)`).
 */
export abstract class Clock {
  /** Wall clock, milliseconds since the epoch. Can jump: for instants, not for lengths of time. */
  abstract now(): number;

  /** Milliseconds from an arbitrary start that never go back: for lengths of time. */
  abstract monotonic(): number;

  /**
   * Calls back once after a delay in milliseconds, however long: also beyond 2^31-1 ms, the limit of Node's timers. In
   * the root async context, and not in that of the caller.
   * @param unref do not keep the process alive for it
   */
  abstract setTimer(callback: () => void, delay: number, unref?: boolean): Timer;
}

/** The machine's clock. Uses the global functions, so that a test runner's fake timers reach it as well. */
export class SystemClock extends Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  setTimer(callback: () => void, delay: number, unref = false): Timer {
    return new SystemTimer(callback, delay, unref);
  }
}

/** A class, as a function for each of ten thousand timers is more to look after than the timer. */
class SystemTimer implements Timer {
  private handle!: NodeJS.Timeout;

  constructor(callback: () => void, delay: number, unref: boolean) {
    inRootContext(() => this.wait(callback, delay, unref));
  }

  cancel(): void {
    clearTimeout(this.handle);
  }

  private wait(callback: () => void, delay: number, unref: boolean): void {
    const hop = Math.min(delay, LONGEST_TIMER);
    this.handle = setTimeout(delay > hop ? () => this.wait(callback, delay - hop, unref) : callback, hop);
    if (unref) this.handle.unref();
  }
}
