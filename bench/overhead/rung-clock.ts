import { SystemClock, type Timer } from 'ctrlplane-workers';

/**
 * The machine's clock, for workers whose slots do not have to be waited for: `ring` moves the wall clock on by an
 * interval and calls what the workers' timers would have called then. Every timer is a real one, set and
 * cancelled as ever; one that has rung is cancelled, or it would keep the process alive.
 */
export class RungClock extends SystemClock {
  private ahead = 0;
  private readonly alarms = new Map<() => void, Timer>();

  /** @param interval of the workers, in milliseconds; nothing else sets a timer of more than ten seconds that keeps the process alive */
  constructor(private readonly interval: number) {
    super();
  }

  override now(): number {
    return super.now() + this.ahead;
  }

  override setTimer(callback: () => void, delay: number, unref = false): Timer {
    const timer = super.setTimer(callback, delay, unref);
    if (unref || delay <= 10_000) return timer;
    this.alarms.set(callback, timer);
    return {
      cancel: () => {
        this.alarms.delete(callback);
        timer.cancel();
      },
    };
  }

  ring(): void {
    this.ahead += this.interval;
    const due = [...this.alarms];
    this.alarms.clear();
    for (const [callback, timer] of due) {
      timer.cancel();
      callback();
    }
  }
}
