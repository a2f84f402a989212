import { type WorkerDefinition } from '../registry/worker-definition.js';
import { oldestCatchUp } from '../registry/worker-rules.js';
import { fractionOf } from '../timing/hash.js';
import { type Timing } from '../registry/timing.js';

/** Milliseconds over which the catch-ups of a start are spread at most. */
const SPREAD = 10_000;

/** Whether a missed slot is still run, `age` milliseconds later. */
export function worthCatchingUp(
  timing: Pick<Timing, 'interval' | 'cron'>,
  { catchUp }: Pick<WorkerDefinition, 'catchUp'>,
  age: number,
): boolean {
  const longest = oldestCatchUp(timing, catchUp);
  return longest > 0 && age <= longest;
}

/** Milliseconds that a catch-up waits, so that those of one start do not run together. */
export function catchUpDelay(name: string, schedule: NonNullable<Timing['schedule']>, slot: number): number {
  return Math.floor(fractionOf(name) * Math.min(SPREAD, (schedule.next(slot) - slot) / 10));
}
