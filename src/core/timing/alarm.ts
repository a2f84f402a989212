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
  private at = 0;
  private setAt = 0;

  constructor(
    private readonly clock: Clock,
    private readonly ring: () => void,
    private readonly unref = false,
  ) {}

  /** Replaces the instant that was set before. */
  set(at: number): void {
    this.clear();
    this.at = at;
    this.setAt = this.clock.now();
    const delay = Math.min(Math.max(0, at - this.setAt), LONGEST_HOP);
    this.timer = this.clock.setTimer(this.look, delay, this.unref);
  }

  clear(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private readonly look = (): void => {
    const now = this.clock.now();
    if (now >= this.at || now < this.setAt) this.ring();
    else this.set(this.at);
  };
}
