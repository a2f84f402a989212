import { timingOf } from '../../src/core/registry/timing.js';

/**
 * A name for a worker whose next slot comes in this many milliseconds, half a second more or less: slots come from the
 * name, and who waits for one of a long interval would wait long.
 */
export function nameOfWorkerDueIn(ms: number, interval: number): string {
  const now = Date.now();
  for (let i = 0; ; i++) {
    const name = `job-${i}`;
    const wait = timingOf(name, interval).schedule!.next(now) - now;
    if (Math.abs(wait - ms) <= 500) return name;
  }
}
