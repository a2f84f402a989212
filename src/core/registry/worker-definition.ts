import { type RunContext } from '../worker/run-context.js';
import { type OverlapPolicy, type WorkerOptions } from '../worker/worker-options.js';
import { type Worker } from '../worker/worker.js';
import { messageOf } from '../text/describe-error.js';
import {
  attempts,
  backoffTimes,
  budgetOf,
  expectationsOf,
  lastInstant,
  leaseTime,
  type BackoffTimes,
  longestCatchUp,
  longestLateness,
  mostRuns,
  oneOf,
  runTimeout,
  shortText,
} from './worker-rules.js';
import { type IsolatedPlace, isolatedPlace } from './isolate-rules.js';
import { type Timing, timingOf } from './timing.js';

/** A checked worker, as the scheduler drives it. Durations are in milliseconds. */
export interface WorkerDefinition extends Timing {
  readonly name: string;
  readonly description: string | undefined;
  readonly group: string | undefined;
  readonly spacing: NonNullable<WorkerOptions['spacing']>;
  readonly timeout: number | undefined;
  readonly critical: boolean;
  readonly enabled: boolean;
  readonly overlap: OverlapPolicy;
  readonly jitter: WorkerOptions['jitter'];
  readonly runOnStart: boolean;
  readonly backoff: BackoffTimes | undefined;
  /** Highest age of a missed slot that is caught up; 0: never; undefined: by the schedule. */
  readonly catchUp: number | undefined;
  /** Infinity for no limit. */
  readonly startDeadline: number;
  readonly unref: boolean;
  /** Undefined: by the schedule. */
  readonly lease: number | undefined;
  readonly on: readonly string[];
  readonly scope: NonNullable<WorkerOptions['scope']>;
  readonly maxAttempts: number;
  /** The last instant that may be a slot, milliseconds since the epoch; Infinity for no end. */
  readonly until: number;
  /** Most runs of its schedule; Infinity for no limit. */
  readonly limit: number;
  readonly record: NonNullable<WorkerOptions['record']>;
  readonly budget: NonNullable<WorkerOptions['budget']>;
  readonly expect: NonNullable<WorkerOptions['expect']>;
  /** Undefined: its runs take place in the main thread. */
  readonly isolate: IsolatedPlace | undefined;
  /** Where it is defined, for messages: `UsageReporter.report`. */
  readonly source: string;
  /** Whether the worker itself logs what it throws. */
  readonly logsItsErrors: boolean;
  /** Whether that active run has done its work, so that with overlap `skip` the next may start. Undefined: never. */
  readonly isFree: ((runId: string) => boolean) | undefined;
  run(context: RunContext): unknown;
}

/** Set on a worker that logs its own errors: they are not logged a second time. */
export const LOGS_ITS_ERRORS = Symbol('logs its errors');

/** Set on a worker that knows a few microtasks before the scheduler that a run has done its work: see `isFree`. */
export const IS_FREE = Symbol('is free');

/** What configuration can override of a worker. */
export interface WorkerOverrides extends WorkerOptions {
  interval?: Worker['interval'];
}

/** Characters. Names are stored in a column and used as a path segment. */
const LONGEST_NAME = 200;

/**
 * Checks a worker and gives it its schedule.
 * @param source where it is defined, for messages
 * @param overrides options by configuration, which come before the worker's own
 * @returns the definition, or what is wrong with it: one sentence each, with the value and the fix
 */
export function defineWorker(
  worker: Worker,
  source: string,
  overrides: WorkerOverrides = {},
): { definition: WorkerDefinition } | { problems: string[] } {
  const problems: string[] = [];
  /** An option by configuration, or else by the worker; also a getter of its class. */
  const option = <K extends keyof WorkerOverrides>(key: K): WorkerOverrides[K] =>
    overrides[key] ?? worker[key];
  /** A checked option; when the check throws, a placeholder that is never used. */
  const checked = <T>(what: string, standIn: T, check: () => T): T => {
    try {
      return check();
    } catch (error) {
      problems.push(`${what}: ${messageOf(error)}`);
      return standIn;
    }
  };

  const { name } = worker;
  if (typeof name !== 'string' || name.trim() === '' || name.length > LONGEST_NAME)
    problems.push(`name: ${JSON.stringify(name)} is not a name: give 1 to ${LONGEST_NAME} characters`);
  else if (name.includes('\0') || !name.isWellFormed())
    problems.push(
      `name: ${JSON.stringify(name)} holds a NUL or half of an emoji, which no database stores: leave it out`,
    );

  const until = checked('until', Infinity, () => lastInstant(option('until')));
  const definition: WorkerDefinition = {
    name,
    until,
    ...checked<Timing>('interval', { every: 0, interval: 0, cron: undefined, schedule: undefined }, () =>
      timingOf(name, option('interval')!, option('jitter'), option('spacing'), until),
    ),
    timeout: checked('timeout', undefined, () => runTimeout(option('timeout'))),
    overlap: checked('overlap', 'skip', () =>
      oneOf(['skip', 'queueOne', 'cancelRunning', 'allow'], option('overlap') ?? 'skip'),
    ),
    spacing: checked('spacing', 'slot', () => oneOf(['slot', 'delay', 'start'], option('spacing') ?? 'slot')),
    backoff: checked('backoff', undefined, () => backoffTimes(option('backoff'))),
    catchUp: checked('catchUp', undefined, () => longestCatchUp(option('catchUp'))),
    startDeadline: checked('startDeadline', Infinity, () => longestLateness(option('startDeadline'))),
    scope: checked('scope', 'cluster', () =>
      oneOf(['cluster', 'replica'], option('scope') ?? defaultScope(option('interval'))),
    ),
    maxAttempts: checked('maxAttempts', 1, () => attempts(option('maxAttempts'))),
    limit: checked('limit', Infinity, () => mostRuns(option('limit'))),
    record: checked('record', 'all', () => oneOf(['all', 'failures', 'none'], option('record') ?? 'all')),
    budget: checked('budget', {}, () => budgetOf(option('budget'))),
    expect: checked('expect', {}, () => expectationsOf(option('expect'))),
    isolate: checked('isolate', undefined, () => isolatedPlace(option('isolate'))),
    lease: checked('lease', undefined, () => leaseTime(option('lease'))),
    description: checked('description', undefined, () => shortText(option('description'), 500)),
    group: checked('group', undefined, () => shortText(option('group'), 100)),
    jitter: option('jitter'),
    critical: option('critical') ?? false,
    enabled: option('enabled') ?? true,
    runOnStart: option('runOnStart') ?? false,
    unref: option('unref') ?? false,
    on: option('on') ?? [],
    source,
    logsItsErrors: LOGS_ITS_ERRORS in worker,
    isFree: (worker as { [IS_FREE]?: WorkerDefinition['isFree'] })[IS_FREE],
    run: (context) => worker.run(context),
  };
  const { spacing, cron, schedule, limit } = definition;
  const ends = limit < Infinity ? 'limit' : until < Infinity ? 'until' : undefined;
  if (ends && !schedule && problems.length === 0)
    problems.push(`${ends}: it ends a schedule, and an event-driven worker has none: leave it out`);
  if (spacing !== 'slot' && cron !== undefined)
    problems.push(
      `spacing: '${spacing}' counts an interval from the ${spacing === 'delay' ? 'end of a run' : 'start'}, and "${cron}" is none`,
    );
  return problems.length > 0 ? { problems } : { definition };
}

/** A delay from the start of a process differs between replicas. */
function defaultScope(interval: Worker['interval'] | undefined): WorkerDefinition['scope'] {
  return typeof interval === 'object' && interval !== null && 'after' in interval ? 'replica' : 'cluster';
}
