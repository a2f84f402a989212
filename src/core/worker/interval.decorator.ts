import { type Duration } from '../timing/duration.js';
import { type CronExpression } from '../timing/cron-schedule.js';
import { markMethod, requireParentheses } from './mark-method.js';
import { type RunContext } from './run-context.js';
import { type WorkerOptions } from './worker-options.js';

/**
 * How often a worker runs: a duration, or a function of the provider that returns a duration or a cron expression, for
 * injected configuration.
 */
export type Every<T = unknown> = Duration | ((provider: T) => Duration | CronExpression);

/** Metadata of a decorated method, which discovery reads. It is checked when the application starts. */
export interface IntervalMetadata {
  name?: string;
  every: Every<never> | CronExpression;
  options: WorkerOptions;
}

/** Registered symbol: two copies of this package in one process still find each other's workers. */
export const INTERVAL_METADATA = Symbol.for('ctrlplane-workers/interval');

type WorkerMethod = (context: RunContext, ...rest: never[]) => unknown;
export type WorkerMethodDecorator = <M extends WorkerMethod>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/**
 * Makes a provider's method a worker. It gets a `RunContext` and runs every interval; by default runs never overlap.
 *
 * `every` 0 is event-driven: it has no schedule, and runs by `Scheduler.trigger` and by the events of its option `on`.
 * The name defaults to `Class.method`. With an invalid definition the application's start fails with
 * `InvalidWorkersError`.
 *
 * @example `@Interval('usage_reporter', '5m', { timeout: '1m' })`
 * @example `@Interval<GarbageCollector>('gc', (gc) => gc.options.interval)`
 */
export function Interval<T = never>(every: Every<T>, options?: WorkerOptions): WorkerMethodDecorator;
export function Interval<T = never>(
  name: string,
  every: Every<T>,
  options?: WorkerOptions,
): WorkerMethodDecorator;
export function Interval(...args: unknown[]): WorkerMethodDecorator {
  requireParentheses("@Interval('5m')", args);
  // With one argument, or an object as the second, there is no name.
  const named = args.length > 1 && (typeof args[1] !== 'object' || args[1] === null);
  const [name, every, options] = named ? args : [undefined, ...args];
  return markAsWorker('@Interval', { name, every, options: options ?? {} } as IntervalMetadata);
}

export function markAsWorker(decorator: string, metadata: IntervalMetadata): WorkerMethodDecorator {
  return (...decorated) => markMethod(INTERVAL_METADATA, metadata, decorator, decorated);
}
