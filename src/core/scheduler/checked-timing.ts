import { spacingFault, type Timing, timingOf } from '../registry/timing.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { messageOf } from '../text/describe-error.js';
import { type Worker } from '../worker/worker.js';
import { InvalidScheduleError } from './scheduler.errors.js';

/** Another schedule for a worker, with its jitter, spacing and end. @throws InvalidScheduleError */
export function checkedTiming(
  { name, jitter, spacing, until }: WorkerDefinition,
  interval: Worker['interval'],
): Timing {
  let timing: Timing;
  try {
    timing = timingOf(name, interval, jitter, spacing, until);
  } catch (error) {
    throw new InvalidScheduleError(name, messageOf(error));
  }
  // Under `start` such a schedule has its own slots.
  const fault = spacing === 'delay' ? spacingFault(spacing, timing) : undefined;
  if (fault !== undefined) throw new InvalidScheduleError(name, `spacing: ${fault}`);
  return timing;
}
