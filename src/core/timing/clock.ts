import { dateIsFake, timersAreFake } from './fake-timers.js';
import { inRootContext } from './root-context.js';
import { startTimer, type Timer } from './timer.js';

export { type Timer };

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

  /**
   * Whether a test runner's fake timers stand in for it: then time moves when the test says so, timer by timer. Default
   * false.
   */
  get fake(): boolean {
    return false;
  }
}

/**
 * The machine's clock. Uses the global functions, so that a test runner's fake timers reach it as well.
 *
 * Fake timers need not move `Date` or `performance`. Then the timers that fired say what time it is: one that was set
 * for a second later fires a second later.
 */
export class SystemClock extends Clock {
  /** The least that the clocks say since fake timers moved them; absent under real timers. */
  private moved?: { wall: number; monotonic: number };

  now(): number {
    return this.moved ? Math.max(Date.now(), this.floor('wall')) : Date.now();
  }

  monotonic(): number {
    return this.moved ? Math.max(performance.now(), this.floor('monotonic')) : performance.now();
  }

  setTimer(callback: () => void, delay: number, unref = false): Timer {
    const called = this.fake ? this.moving(callback, delay) : callback;
    return inRootContext(() => startTimer(called, delay, unref));
  }

  override get fake(): boolean {
    return timersAreFake();
  }

  /** The callback, which first moves the clocks to the instant that it was set for. */
  private moving(callback: () => void, delay: number): () => void {
    const wall = this.now() + delay;
    const monotonic = this.monotonic() + delay;
    return () => {
      this.moved = {
        wall: Math.max(wall, this.floor('wall')),
        monotonic: Math.max(monotonic, this.floor('monotonic')),
      };
      callback();
    };
  }

  private floor(clock: 'wall' | 'monotonic'): number {
    if (this.moved && !this.fake) this.moved = undefined;
    // A fake `Date` tells the time itself, and may be set back.
    return clock === 'wall' && dateIsFake() ? -Infinity : (this.moved?.[clock] ?? -Infinity);
  }
}
