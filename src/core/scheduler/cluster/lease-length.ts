import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type Timing } from '../../registry/timing.js';

/** Of a worker that runs seldom, or when it is asked to. Milliseconds. */
const LONGEST_DEFAULT = 5_000;
/** Renewed three times, it has to survive a late timer and a slow answer. Milliseconds. */
const SHORTEST_LEASE = 1_000;

/** Gaps of a cron expression with seconds that are looked at: those of a minute, at the most one a second. */
const GAPS = 60;

const defaults = new WeakMap<Timing, number>();

/**
 * How long a lease of a worker lasts: what it says itself, or else what the application says, or else what fits its
 * schedule. A run whose replica was killed stands in the way of the next slots for so long, so a lease is not longer than
 * the shortest time between two slots, but for the bounds above. Milliseconds.
 */
export function leaseLength(
  { lease }: Pick<WorkerDefinition, 'lease'>,
  applications: number | undefined,
  timing: Timing,
  now: number,
): number {
  return lease ?? applications ?? fitting(timing, now);
}

function fitting(timing: Timing, now: number): number {
  let length = defaults.get(timing);
  if (length === undefined)
    defaults.set(
      timing,
      (length = Math.min(LONGEST_DEFAULT, Math.max(SHORTEST_LEASE, shortestGap(timing, now)))),
    );
  return length;
}

function shortestGap({ interval, cron, schedule }: Timing, now: number): number {
  if (interval > 0) return interval;
  // Without a field for seconds there is a minute between two of its slots.
  if (!schedule || cron === undefined || cron.trim().split(/\s+/).length < 6) return Infinity;
  let shortest = Infinity;
  let slot = schedule.next(now);
  for (let i = 0; i < GAPS && shortest > SHORTEST_LEASE && slot < Infinity; i++) {
    const next = schedule.next(slot);
    shortest = Math.min(shortest, next - slot);
    slot = next;
  }
  return shortest;
}
