import { type Duration } from './duration.js';
import { type Schedule } from './schedule.js';

/** Once: at an instant, or `after` the start of the worker. */
export type Once = { readonly at: Date } | { readonly after: Duration };

/** A single slot: after it `next` is Infinity, before it `latest` is -Infinity. */
export class OnceSchedule implements Schedule {
  /** @param at milliseconds since the epoch */
  constructor(private readonly at: number) {}

  next(after: number): number {
    return after < this.at ? this.at : Infinity;
  }

  latest(at: number): number {
    return at < this.at ? -Infinity : this.at;
  }

  count(after: number, until: number): number {
    return after < this.at && this.at <= until ? 1 : 0;
  }
}

/** A single slot, `delay` milliseconds after the start. */
export class DelaySchedule extends OnceSchedule {
  /** @param delay milliseconds */
  constructor(
    private readonly delay: number,
    start = 0,
  ) {
    super(start + delay);
  }

  startingAt(start: number): Schedule {
    return new DelaySchedule(this.delay, start);
  }
}
