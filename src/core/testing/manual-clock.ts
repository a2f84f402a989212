import { Clock, type Timer } from '../timing/clock.js';
import { type Duration, parseDuration } from '../timing/duration.js';
import { inRootContext } from '../timing/root-context.js';

interface Due {
  at: number;
  callback: () => void;
}

/**
 * A clock that only the test moves. It replaces `Clock`:
 * `Test.createTestingModule(…).overrideProvider(Clock).useValue(clock)`.
 */
export class ManualClock extends Clock {
  private wall: number;
  private elapsed = 0;
  /** Ordered by due time; timers of one time in the order in which they were set. */
  private readonly timers: Due[] = [];
  /** Resolves when earlier calls of `advance` are done. */
  private moving: Promise<void> = Promise.resolve();

  /** @param start first time of the wall clock; default 2026-01-01T00:00:00Z */
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
   * Moves time on and fires every timer that becomes due, each at its instant, in order. Before the first, after each and
   * after the last, it waits for what can run without further time or input: promises, `process.nextTick`, and up to 100
   * turns of the event loop by `setImmediate`. It does not wait for files, sockets, databases, other processes or Node's
   * own timers, which take real time. A call during another one moves time on by that much more.
   * @throws InvalidDurationError
   */
  async advance(duration: Duration): Promise<void> {
    const ms = parseDuration(duration);
    const moved = this.moving.then(() => this.move(ms));
    this.moving = moved.catch(() => {});
    return moved;
  }

  /** Moves time without firing timers, like code that blocks the event loop. */
  block(duration: Duration): void {
    this.pass(parseDuration(duration));
  }

  /** Sets the wall clock, as a person or NTP does. The monotonic clock and timers are not changed. */
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

/** Most turns of the event loop: more than any finite chain of callbacks needs. */
const MOST_TURNS = 100;

/** When an immediate fires, all promise callbacks have run; further immediates of theirs are pending then. */
async function settle(): Promise<void> {
  let turns = 0;
  do await new Promise((resolve) => setImmediate(resolve));
  while (++turns < MOST_TURNS && process.getActiveResourcesInfo().includes('Immediate'));
}
