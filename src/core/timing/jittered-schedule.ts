import { fractionOf } from './hash.js';
import { type Schedule } from './schedule.js';

/**
 * Slots, and when the run of each is due: at the slot, or up to `jitter` milliseconds later. The delay is computed from
 * name and slot, so every replica agrees; it ends before the next slot, so runs keep the order of their slots.
 */
export class JitteredSchedule implements Schedule {
  constructor(
    private readonly name: string,
    private readonly schedule: Schedule,
    private readonly jitter: number,
  ) {}

  next(after: number): number {
    return this.schedule.next(after);
  }

  latest(at: number): number {
    return this.schedule.latest(at);
  }

  count(after: number, until: number): number {
    return this.schedule.count(after, until);
  }

  dueAt(slot: number): number {
    if (this.jitter === 0) return slot;
    const longest = Math.min(this.jitter, this.schedule.next(slot) - slot - 1);
    return slot + Math.floor(fractionOf(`${this.name}@${slot}`) * longest);
  }

  /** Whether its slots are counted from a start. */
  get counted(): boolean {
    return this.schedule.startingAt !== undefined;
  }

  startingAt(start: number): JitteredSchedule {
    const { name, schedule, jitter } = this;
    return schedule.startingAt ? new JitteredSchedule(name, schedule.startingAt(start), jitter) : this;
  }

  /** The last slot whose run is due at that instant. */
  latestDue(at: number): number {
    const slot = this.schedule.latest(at);
    return this.dueAt(slot) <= at ? slot : this.schedule.latest(slot - 1);
  }
}
