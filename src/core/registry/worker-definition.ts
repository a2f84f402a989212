import { type RunContext } from '../worker/run-context.js';
import { type OverlapPolicy, WORKER_OPTION_NAMES, type WorkerOptions } from '../worker/worker-options.js';
import { type Worker } from '../worker/worker.js';
import { flag, isOptions, type OptionNames, unknownOptions } from '../text/option-names.js';
import { Problems } from '../text/problems.js';
import {
  attempts,
  backoffTimes,
  budgetOf,
  eventTypes,
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
import { spacingFault, type Timing, timingOf } from './timing.js';

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

const OVERRIDE_NAMES: OptionNames<WorkerOverrides> = { ...WORKER_OPTION_NAMES, interval: true };

/** Characters. Names are stored in a column and used as a path segment. */
const LONGEST_NAME = 200;

/**
 * Checks a worker and gives it its schedule.
 * @param source where it is defined, for messages
 * @param given options by configuration, which come before the worker's own
 * @returns the definition, or what is wrong with it: one sentence each, with the value and the fix
 */
export function defineWorker(
  worker: Worker,
  source: string,
  given: WorkerOverrides = {},
): { definition: WorkerDefinition } | { problems: string[] } {
  const problems = new Problems();
  problems.add(...unknownOptions(given, OVERRIDE_NAMES, 'options.workers'));
  const overrides = isOptions(given) ? given : {};
  /** An option by configuration, or else by the worker; also a getter of its class. */
  const option = <K extends keyof WorkerOverrides>(key: K): WorkerOverrides[K] =>
    overrides[key] ?? worker[key];
  const { name } = worker;
  if (typeof worker.run !== 'function')
    problems.add(`run: ${typeof worker.run} is no function: give one, which gets the RunContext`);
  if (typeof name !== 'string' || name.trim() === '' || name.length > LONGEST_NAME)
    problems.add(`name: ${JSON.stringify(name)} is not a name: give 1 to ${LONGEST_NAME} characters`);
  else if (name.includes('\0') || !name.isWellFormed())
    problems.add(
      `name: ${JSON.stringify(name)} holds a NUL or half of an emoji, which no database stores: leave it out`,
    );

  const until = problems.checked('until', Infinity, () => lastInstant(option('until')));
  const definition: WorkerDefinition = {
    name,
    until,
    ...problems.checked<Timing>(
      'interval',
      { every: 0, interval: 0, cron: undefined, schedule: undefined },
      () => timingOf(name, option('interval')!, option('jitter'), option('spacing'), until),
    ),
    timeout: problems.checked('timeout', undefined, () => runTimeout(option('timeout'))),
    overlap: problems.checked('overlap', 'skip', () =>
      oneOf(['skip', 'queueOne', 'cancelRunning', 'allow'], option('overlap') ?? 'skip'),
    ),
    spacing: problems.checked('spacing', 'slot', () =>
      oneOf(['slot', 'delay', 'start'], option('spacing') ?? 'slot'),
    ),
    backoff: problems.checked('backoff', undefined, () => backoffTimes(option('backoff'))),
    catchUp: problems.checked('catchUp', undefined, () => longestCatchUp(option('catchUp'))),
    startDeadline: problems.checked('startDeadline', Infinity, () =>
      longestLateness(option('startDeadline')),
    ),
    scope: problems.checked('scope', 'cluster', () =>
      oneOf(['cluster', 'replica'], option('scope') ?? defaultScope(option('interval'))),
    ),
    maxAttempts: problems.checked('maxAttempts', 1, () => attempts(option('maxAttempts'))),
    limit: problems.checked('limit', Infinity, () => mostRuns(option('limit'))),
    record: problems.checked('record', 'all', () =>
      oneOf(['all', 'failures', 'none'], option('record') ?? 'all'),
    ),
    budget: problems.checked('budget', {}, () => budgetOf(option('budget'))),
    expect: problems.checked('expect', {}, () => expectationsOf(option('expect'))),
    isolate: problems.checked('isolate', undefined, () => isolatedPlace(option('isolate'))),
    lease: problems.checked('lease', undefined, () => leaseTime(option('lease'))),
    description: problems.checked('description', undefined, () => shortText(option('description'), 500)),
    group: problems.checked('group', undefined, () => shortText(option('group'), 100)),
    jitter: option('jitter'),
    critical: problems.checked('critical', false, () => flag(option('critical') ?? false)),
    enabled: problems.checked('enabled', true, () => flag(option('enabled') ?? true)),
    runOnStart: problems.checked('runOnStart', false, () => flag(option('runOnStart') ?? false)),
    unref: problems.checked('unref', false, () => flag(option('unref') ?? false)),
    on: problems.checked('on', [], () => eventTypes(option('on'))),
    source,
    logsItsErrors: LOGS_ITS_ERRORS in worker,
    isFree: (worker as { [IS_FREE]?: WorkerDefinition['isFree'] })[IS_FREE],
    run: (context) => worker.run(context),
  };
  const { spacing, schedule, limit } = definition;
  const ends = limit < Infinity ? 'limit' : until < Infinity ? 'until' : undefined;
  if (ends && !schedule && problems.all.length === 0)
    problems.add(`${ends}: it ends a schedule, and an event-driven worker has none: leave it out`);
  const fault = spacingFault(spacing, definition);
  if (fault !== undefined) problems.add(`spacing: ${fault}`);
  return problems.all.length > 0 ? { problems: problems.all } : { definition };
}

/** A delay from the start of a process differs between replicas. */
function defaultScope(interval: Worker['interval'] | undefined): WorkerDefinition['scope'] {
  return typeof interval === 'object' && interval !== null && 'after' in interval ? 'replica' : 'cluster';
}
