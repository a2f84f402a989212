import { type WorkerDefinition } from '../registry/worker-definition.js';
import { oldestCatchUp } from '../registry/worker-rules.js';
import { fractionOf } from '../timing/hash.js';
import { type Timing } from '../registry/timing.js';

/** Catch-ups of a start are spread over this many milliseconds at the most. */
const SPREAD = 10_000;

/** Whether a slot that was missed is run after all, this many milliseconds later. */
export function worthCatchingUp(
  timing: Pick<Timing, 'interval' | 'cron'>,
  { catchUp }: Pick<WorkerDefinition, 'catchUp'>,
  age: number,
): boolean {
  const longest = oldestCatchUp(timing, catchUp);
  return longest > 0 && age <= longest;
}

/** How long a catch-up waits, so that those of one start do not come together. Milliseconds. */
export function catchUpDelay(name: string, schedule: NonNullable<Timing['schedule']>, slot: number): number {
  return Math.floor(fractionOf(name) * Math.min(SPREAD, (schedule.next(slot) - slot) / 10));
}
