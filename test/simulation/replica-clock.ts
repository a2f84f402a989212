import { Clock, type Timer } from '../../src/core/timing/clock.js';
import { EPOCH } from './store-clock.js';
import { type World } from './world.js';

export interface Pace {
  /** Milliseconds of this clock to one of true time. */
  readonly rate: number;
  /** How far the clock on the wall is off. */
  readonly skew: number;
  /** How late timers fire at the most. */
  readonly lateness: number;
}

/** A replica's clocks and timers. Timers are as Node's: whole milliseconds, at least one, and at times late. */
export class ReplicaClock extends Clock {
  private wallOffset: number;
  private readonly born: number;
  private readonly origin: number;

  /**
   * @param enter runs a callback in the replica's process, if and when that runs
   * @param late how late a timer fires, from 0 to 1
   */
  constructor(
    private readonly world: World,
    private readonly pace: Pace,
    private readonly enter: (callback: () => void) => void,
    private readonly late: () => number,
  ) {
    super();
    this.born = world.now;
    this.origin = world.now % 977;
    this.wallOffset = EPOCH + pace.skew + world.now;
  }

  now(): number {
    return Math.floor(this.wallOffset + this.elapsed);
  }

  monotonic(): number {
    return this.origin + this.elapsed;
  }

  /** As a person or NTP does. */
  setWall(by: number): void {
    this.wallOffset += by;
  }

  setTimer(callback: () => void, delay: number): Timer {
    let cancelled = false;
    const whole = Math.max(1, Math.trunc(delay));
    const happening = this.world.in(whole / this.pace.rate + this.late() * this.pace.lateness, () =>
      this.enter(() => {
        // A process that was stopped finds several due, and the first may cancel the next.
        if (!cancelled) callback();
      }),
    );
    return {
      cancel: () => {
        cancelled = true;
        happening.cancel();
      },
    };
  }

  private get elapsed(): number {
    return (this.world.now - this.born) * this.pace.rate;
  }
}
