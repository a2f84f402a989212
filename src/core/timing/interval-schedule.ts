import { type Schedule } from './schedule.js';

/**
 * Slots at `phase + k * interval` from the epoch. A late or long run moves none of them, so nothing drifts.
 * The phase comes from the worker's name: workers of one interval are spread over it instead of firing
 * together, and every replica computes the same.
 */
export class IntervalSchedule implements Schedule {
  readonly phase: number;

  /** @param interval milliseconds, at least 1 */
  constructor(
    name: string,
    readonly interval: number,
  ) {
    this.phase = Math.floor((hash(name) / 2 ** 32) * interval);
  }

  next(after: number): number {
    return this.slot(this.index(after) + 1);
  }

  latest(at: number): number {
    return this.slot(this.index(at));
  }

  count(after: number, until: number): number {
    return Math.max(0, this.index(until) - this.index(after));
  }

  private index(at: number): number {
    return Math.floor((at - this.phase) / this.interval);
  }

  private slot(index: number): number {
    return this.phase + index * this.interval;
  }
}

/** FNV-1a over the UTF-16 units, then murmur3's finalizer: names that differ in the last letter alone spread. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
