import { parseDuration } from '../timing/duration.js';
import { IntervalSchedule } from '../timing/interval-schedule.js';
import { type Schedule } from '../timing/schedule.js';
import { type RunContext } from '../worker/run-context.js';
import { type Worker } from '../worker/worker.js';

/** A worker that has been checked: what the scheduler drives. Lengths of time are milliseconds. */
export interface WorkerDefinition {
  readonly name: string;
  readonly interval: number;
  readonly timeout: number | undefined;
  readonly critical: boolean;
  /** Undefined for event-driven. */
  readonly schedule: Schedule | undefined;
  /** Where it comes from, for people: `UsageReporter.report`. */
  readonly source: string;
  run(context: RunContext): unknown;
}

/** The column and the path segment that hold a name have to end somewhere. */
const LONGEST_NAME = 200;

/**
 * Checks a worker and gives it its schedule.
 * @param source where it comes from, for people
 * @returns the definition, or what is wrong with it: one sentence each, with the value and the fix
 */
export function defineWorker(
  worker: Worker,
  source: string,
): { definition: WorkerDefinition } | { problems: string[] } {
  const problems: string[] = [];
  const duration = (what: string, value: unknown): number => {
    try {
      return parseDuration(value as string);
    } catch (error) {
      problems.push(`${what}: ${(error as Error).message}`);
      return NaN;
    }
  };

  const { name, critical = false } = worker;
  if (typeof name !== 'string' || name.trim() === '' || name.length > LONGEST_NAME)
    problems.push(`name: ${JSON.stringify(name)} is not a name: give 1 to ${LONGEST_NAME} characters`);

  const interval = duration('interval', worker.interval);
  if (interval > 0 && interval < 1)
    problems.push(`interval: ${interval} ms is below 1 ms: give 1 or more, or 0 for an event-driven worker`);

  const timeout = worker.timeout === undefined ? undefined : duration('timeout', worker.timeout);
  if (timeout === 0) problems.push('timeout: 0 leaves a run no time: leave it out for no limit');

  if (problems.length > 0) return { problems };
  return {
    definition: {
      name,
      interval,
      timeout,
      critical,
      schedule: interval > 0 ? new IntervalSchedule(name, interval) : undefined,
      source,
      run: (context) => worker.run(context),
    },
  };
}
