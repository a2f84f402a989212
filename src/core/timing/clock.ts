import { dateIsFake, timersAreFake } from './fake-timers.js';
import { inRootContext } from './root-context.js';
import { startTimer, type Timer } from './timer.js';

export { type Timer };

/**
 * The port through which the framework reads time and waits, so that a test can replace it by a manual clock
 * (`overrideProvider(Clock)`).
 */
export abstract class Clock {
  /** Wall clock, milliseconds since the epoch. Can jump: for instants, not for durations. */
  abstract now(): number;

  /** Milliseconds from an arbitrary start, which never go back: for durations. */
  abstract monotonic(): number;

  /**
   * Calls `callback` once after `delay` milliseconds, also beyond 2^31-1 ms, the limit of Node's timers. In the root
   * async context, not in that of the caller.
   * @param unref whether the timer does not keep the process alive. Default false
   */
  abstract setTimer(callback: () => void, delay: number, unref?: boolean): Timer;

  /**
   * Whether a test runner's fake timers replace this clock's: then the test moves the time, timer by timer. Default
   * false.
   */
  get fake(): boolean {
    return false;
  }
}

/**
 * The machine's clock. Uses the global functions, so that a test runner's fake timers apply to it.
 *
 * Fake timers need not move `Date` or `performance`. Then the fired timers determine the time: when a timer of a second
 * fires, a second has passed.
 */
export class SystemClock extends Clock {
  /** Lower bounds of the clocks since fake timers moved them; absent under real timers. */
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

  /** Wraps the callback: it first moves the clocks to the instant for which it was set. */
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
    // A fake `Date` has the time itself, and may be set back.
    return clock === 'wall' && dateIsFake() ? -Infinity : (this.moved?.[clock] ?? -Infinity);
  }
}
