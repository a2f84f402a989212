import { type Timing } from '../registry/worker-definition.js';

/** Intervals, or slots of cron, without a completed run after which a worker is stale. */
const STALE_AFTER = 3;
/** Failures in a row after which it is failing. */
export const FAILING_AFTER = 3;

/** Whether too much time has passed between the two instants for a worker of that schedule. */
export function isStale({ interval, schedule }: Timing, since: number, until: number): boolean {
  if (interval > 0) return until - since > STALE_AFTER * interval;
  return schedule !== undefined && schedule.count(since, until) > STALE_AFTER;
}
