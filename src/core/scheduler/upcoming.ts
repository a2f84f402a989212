import { type WorkerDefinition } from '../registry/worker-definition.js';
import { type Timing } from '../registry/timing.js';

/** The next slots from `now` on; none when the next one depends on the end of a run. */
export function upcomingSlots(
  { schedule }: Pick<Timing, 'schedule'>,
  { spacing }: Pick<WorkerDefinition, 'spacing'>,
  now: number,
  count: number,
): Date[] {
  const slots: Date[] = [];
  if (!schedule || spacing === 'delay') return slots;
  let slot = schedule.next(now);
  for (; slots.length < count && slot < Infinity; slot = schedule.next(slot)) slots.push(new Date(slot));
  return slots;
}
