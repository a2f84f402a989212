import { type Clock, type Timer } from './clock.js';

/**
 * Node's timers run on a clock that knows neither suspend nor a wall clock that is set, fire a millisecond
 * early at times, and overflow beyond 2^31-1 ms. So a long wait is cut into hops, and each looks at the wall
 * clock again: a wait is at most this much off after such an event.
 */
const LONGEST_HOP = 60_000;

/** Rings once when the wall clock has reached an instant, or when it finds that the clock was set back. */
export class Alarm {
  private timer?: Timer;

  constructor(
    private readonly clock: Clock,
    private readonly ring: () => void,
    private readonly unref = false,
  ) {}

  /** Replaces the instant that was set before. */
  set(at: number): void {
    this.clear();
    const now = this.clock.now();
    const look = (): void => {
      const later = this.clock.now();
      if (later >= at || later < now) this.ring();
      else this.set(at);
    };
    this.timer = this.clock.setTimer(look, Math.min(Math.max(0, at - now), LONGEST_HOP), this.unref);
  }

  clear(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}
