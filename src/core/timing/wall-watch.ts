import { type Clock } from './clock.js';

/** Milliseconds by which wall clock and monotonic clock drift apart without a change of the wall clock. */
export const STEADY = 1_000;

/** Detects that the wall clock was set, by comparison with the monotonic clock, which cannot be set. */
export class WallWatch {
  /** Milliseconds by which the wall clock was ahead of the monotonic one at the last look. */
  private ahead: number;

  constructor(private readonly clock: Clock) {
    this.ahead = this.look();
  }

  /**
   * Milliseconds by which the wall clock was set back since the last call; negative when it was set forward, or the
   * machine was suspended. Up to `STEADY` it has no meaning.
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
