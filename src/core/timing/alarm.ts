import { AlarmQueue, type QueuedAlarm } from './alarm-queue.js';
import { type Clock } from './clock.js';

/**
 * Rings once when the wall clock has reached an instant, or when it is found to have been set back. Never from within
 * `set`.
 */
export class Alarm implements QueuedAlarm {
  at = 0;
  order = 0;
  index = -1;
  private readonly queue: AlarmQueue;

  constructor(
    clock: Clock,
    readonly ring: () => void,
    unref = false,
  ) {
    this.queue = AlarmQueue.of(clock, unref);
  }

  /** Replaces the instant that was set before. */
  set(at: number): void {
    this.queue.set(this, at);
  }

  clear(): void {
    this.queue.clear(this);
  }
}
