import { type Duration } from '../timing/duration.js';
import { type Worker } from '../worker/worker.js';
import { type WorkerOptions } from '../worker/worker-options.js';
import { type WorkerDefinition } from './worker-definition.js';
import { type Timing, timingOf } from './timing.js';

/** A schedule as replicas share it: JSON, the same text for the same schedule. */
interface Stored {
  every: Duration | { cron: string; timeZone?: string; utcOffset?: number } | { at: string };
  jitter?: number | Duration;
  spacing: NonNullable<WorkerOptions['spacing']>;
}

/** The schedule of a worker as text, for the coordinator. */
export function storeTiming(
  every: Worker['interval'],
  { jitter, spacing }: Pick<WorkerDefinition, 'jitter' | 'spacing'>,
): string {
  return JSON.stringify({
    every: fixed(every),
    ...(jitter !== undefined && jitter !== 0 && { jitter }),
    spacing: shared(spacing),
  } satisfies Stored);
}

/**
 * @param until the last instant that may be a slot, milliseconds since the epoch, by the code of this replica
 * @throws InvalidDurationError, InvalidCronError for a text that a newer version of the code has written
 */
export function readTiming(
  name: string,
  stored: string,
  until?: number,
): Timing & Pick<WorkerDefinition, 'spacing'> {
  const { every, jitter, spacing } = JSON.parse(stored) as Stored;
  const given = typeof every === 'object' && 'at' in every ? { at: new Date(every.at) } : every;
  return { ...timingOf(name, given, jitter, spacing, until), spacing };
}

/** The last result for each definition: a list of all workers needs all of them, and a cron expression takes 0.2 ms. */
const lastRead = new WeakMap<WorkerDefinition, { stored: string; timing: ReturnType<typeof readTiming> }>();

/** `readTiming` for this worker, with the last result kept. */
export function timingFor(definition: WorkerDefinition, stored: string): ReturnType<typeof readTiming> {
  const known = lastRead.get(definition);
  if (known?.stored === stored) return known.timing;
  const timing = readTiming(definition.name, stored, definition.until);
  lastRead.set(definition, { stored, timing });
  return timing;
}

function fixed(every: Worker['interval']): Stored['every'] {
  if (typeof every !== 'object') return every;
  if ('cron' in every) {
    const { cron, timeZone, utcOffset } = every;
    return {
      cron,
      ...(timeZone !== undefined && { timeZone }),
      ...(utcOffset !== undefined && { utcOffset }),
    };
  }
  if ('at' in every) return { at: every.at.toISOString() };
  throw new Error(
    'a delay from the start of the process is another instant in each: give it the scope replica',
  );
}

/** Slots that are counted from the start of a process cannot be shared. */
function shared(spacing: WorkerDefinition['spacing']): WorkerDefinition['spacing'] {
  return spacing === 'start' ? 'slot' : spacing;
}
