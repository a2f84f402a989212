import { type InstanceId } from '../../ids/typed-id.js';
import { type InstanceStats } from '../../providers/provider.js';

/** What is remembered of a reading. */
interface Reading {
  readonly at: number;
  readonly startedAt: number | null;
  readonly cpuSeconds: number | null;
}

/** An instance that was not read for so long is forgotten. Ticks may fail for a while. */
const FORGOTTEN_AFTER = 600_000;

/**
 * CPU use between two readings of a counter, over the time between those readings: not between two ticks, as a reading may
 * come late within its tick.
 */
export class CpuPercents {
  private readonly before = new Map<string, Reading>();

  /**
   * Percent of one core since the reading before, of which this one is kept. Since its start when it was started in between;
   * null when there is nothing to compare with.
   */
  next(store: string, { instanceId, readAt, startedAt, cpuSeconds }: InstanceStats): number | null {
    const key = `${store} ${instanceId}`;
    const before = this.before.get(key);
    const now: Reading = { at: +readAt, startedAt: startedAt && +startedAt, cpuSeconds };
    // A clock that was set back makes the past the future; the next reading is compared with this one.
    this.before.set(key, now);
    if (cpuSeconds === null) return null;
    if (!before || hasRestarted(before, now))
      return now.startedAt !== null && isSince(now, before)
        ? share(cpuSeconds, now.at - now.startedAt)
        : null;
    if (before.cpuSeconds === null) return null;
    return share(cpuSeconds - before.cpuSeconds, now.at - before.at);
  }

  /** Takes readings of before from elsewhere, for what is not known here: another replica may have read until now. */
  remember(store: string, instanceId: InstanceId, reading: Reading): void {
    const key = `${store} ${instanceId}`;
    if (!this.before.has(key)) this.before.set(key, reading);
  }

  has(store: string, instanceId: InstanceId): boolean {
    return this.before.has(`${store} ${instanceId}`);
  }

  /** Forgets what has not been read for ten minutes. */
  forget(now: number): void {
    for (const [key, { at }] of this.before) if (at < now - FORGOTTEN_AFTER) this.before.delete(key);
  }
}

function hasRestarted(before: Reading, now: Reading): boolean {
  return (
    before.startedAt !== null &&
    now.startedAt !== null &&
    now.startedAt > before.startedAt &&
    now.startedAt > before.at
  );
}

/** Only of a start that was seen to happen, or was so short ago that its mean is no worse than one between two ticks. */
function isSince(now: Reading, before: Reading | undefined): boolean {
  return before !== undefined || now.at - now.startedAt! < 30_000;
}

function share(seconds: number, milliseconds: number): number | null {
  return milliseconds > 0 && seconds >= 0 ? (seconds / (milliseconds / 1_000)) * 100 : null;
}
