import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type Timing } from '../../registry/timing.js';

/** Longest default lease: of a worker that runs seldom or only on triggers. Milliseconds. */
const LONGEST_DEFAULT = 5_000;
/** Shortest lease: with three renewals it has to survive a late timer and a slow answer. Milliseconds. */
const SHORTEST_LEASE = 1_000;

/** Gaps that are checked of a cron expression with seconds: a minute has at most one a second. */
const GAPS = 60;

const defaults = new WeakMap<Timing, number>();

/**
 * Length of a worker's lease in milliseconds: its option `lease`, else the application's, else by its schedule. A run
 * whose replica was killed blocks the next slots for that long, so the default is the shortest time between two slots,
 * within the bounds above.
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
  // Without a field for seconds there is at least a minute between two slots.
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
