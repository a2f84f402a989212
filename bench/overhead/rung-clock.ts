import { SystemClock, type Timer } from 'ctrlplane-workers';

/**
 * The machine's clock, for a worker whose slots do not have to be waited for: `ring` moves the wall clock on by
 * an interval and calls what the worker's timer would have called then. Every timer is a real one, set and
 * cancelled as ever.
 */
export class RungClock extends SystemClock {
  private ahead = 0;
  private alarm: () => void = () => {
    throw new Error('No worker waits for its slot');
  };

  /** @param interval of the worker, in milliseconds; nothing else sets a timer of more than a second */
  constructor(private readonly interval: number) {
    super();
  }

  override now(): number {
    return super.now() + this.ahead;
  }

  override setTimer(callback: () => void, delay: number): Timer {
    if (delay > 1_000) this.alarm = callback;
    return super.setTimer(callback, delay);
  }

  ring(): void {
    this.ahead += this.interval;
    this.alarm();
  }
}
