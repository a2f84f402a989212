import { type Clock } from './clock.js';

/** Wall clock and monotonic clock part by this many milliseconds without anybody setting one. */
export const STEADY = 1_000;

/** Notices that the wall clock was set, by comparison with the monotonic one, which cannot be. */
export class WallWatch {
  /** What the wall clock was ahead of the monotonic one at the last look. */
  private ahead: number;

  constructor(private readonly clock: Clock) {
    this.ahead = this.look();
  }

  /**
   * By how many milliseconds the wall clock was set back since the last look; less than 0 when it was set forward, or
   * the machine slept. Up to `STEADY` it tells nothing.
   */
  setBack(): number {
    const before = this.ahead;
    this.ahead = this.look();
    return before - this.ahead;
  }

  private look(): number {
    return this.clock.now() - this.clock.monotonic();
  }
}
