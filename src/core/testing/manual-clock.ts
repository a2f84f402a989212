import { Clock, type Timer } from '../timing/clock.js';
import { type Duration, parseDuration } from '../timing/duration.js';
import { inRootContext } from '../timing/root-context.js';

interface Due {
  at: number;
  callback: () => void;
}

/**
 * Time that stands still until a test moves it. Put it in the place of `Clock`:
 * `Test.createTestingModule(…).overrideProvider(Clock).useValue(clock)`.
 */
export class ManualClock extends Clock {
  private wall: number;
  private elapsed = 0;
  /** By due time; of the same time, in the order in which they were set. */
  private readonly timers: Due[] = [];
  /** What `advance` was told before is done. */
  private moving: Promise<void> = Promise.resolve();

  /** @param start wall clock to begin with; default 2026-01-01T00:00:00Z */
  constructor(start: Date | number = Date.UTC(2026, 0, 1)) {
    super();
    this.wall = Number(start);
  }

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.elapsed;
  }

  setTimer(callback: () => void, delay: number): Timer {
    const due: Due = { at: this.elapsed + Math.max(0, delay), callback };
    const later = this.timers.findIndex((other) => other.at > due.at);
    this.timers.splice(later < 0 ? this.timers.length : later, 0, due);
    return {
      cancel: () => {
        const index = this.timers.indexOf(due);
        if (index >= 0) this.timers.splice(index, 1);
      },
    };
  }

  /**
   * Moves time on and fires every timer that falls due, each at its instant, in order. After each, everything
   * that it set off runs as far as it can without time or the outside world; so it does before the first and
   * after the last. That are promises, `process.nextTick`, and up to 100 turns of the event loop by `setImmediate`;
   * files, sockets, databases, other processes and Node's own timers take time of the outside world, which this
   * clock knows nothing of, and are not waited for. Told again meanwhile, it moves on by that much more.
   * @throws InvalidDurationError
   */
  async advance(duration: Duration): Promise<void> {
    const ms = parseDuration(duration);
    const moved = this.moving.then(() => this.move(ms));
    this.moving = moved.catch(() => {});
    return moved;
  }

  /** Lets time pass without firing anything, as code that blocks the event loop does. */
  block(duration: Duration): void {
    this.pass(parseDuration(duration));
  }

  /** Sets the wall clock, as a person or NTP does. Nothing else passes, and timers know nothing of it. */
  setWall(instant: Date | number): void {
    this.wall = Number(instant);
  }

  private async move(ms: number): Promise<void> {
    const until = this.elapsed + ms;
    await settle();
    while (this.timers[0] && this.timers[0].at <= until) {
      const { at, callback } = this.timers.shift()!;
      this.pass(Math.max(0, at - this.elapsed));
      inRootContext(callback);
      await settle();
    }
    this.pass(Math.max(0, until - this.elapsed));
  }

  private pass(ms: number): void {
    this.wall += ms;
    this.elapsed += ms;
  }
}

/** More than anything takes that comes to an end by itself. */
const MOST_TURNS = 100;

/** All promise callbacks have run when an immediate fires; what they leave for the next turn shows as another one. */
async function settle(): Promise<void> {
  let turns = 0;
  do await new Promise((resolve) => setImmediate(resolve));
  while (++turns < MOST_TURNS && process.getActiveResourcesInfo().includes('Immediate'));
}
