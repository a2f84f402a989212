import { type OptionNames } from '../../core/text/option-names.js';
import { markMethod, requireParentheses } from '../../core/worker/mark-method.js';
import { type RunContext } from '../../core/worker/run-context.js';
import { type OverlapPolicy, type WorkerOptions } from '../../core/worker/worker-options.js';

/** What a handler may say of the runs of its schedules. */
export interface ScheduledOptions extends Pick<WorkerOptions, 'timeout' | 'description' | 'record'> {
  /**
   * What a schedule does with slots that come while its own run is active. `skip`: they count as missed. `queueOne`: the latest of
   * them is run next. `cancelRunning`: the same, and the signal of the active run aborts. Two runs of one schedule are never
   * active at a time. Default `skip`.
   */
  overlap?: Exclude<OverlapPolicy, 'allow'> | undefined;
  /**
   * How long a schedule waits after failures in a row before its slot is tried again, or a newer one that has come by then. A
   * duration means `{ initial }`. Default `{ initial: '30s', max: '1h', factor: 2 }`.
   */
  backoff?: WorkerOptions['backoff'];
  /**
   * How often a slot is tried, whether it fails or its replica dies. Then the schedule goes on with its next slot, or ends when there is
   * none. Default 5.
   */
  maxAttempts?: number | undefined;
  /** Most runs of the handler at a time on each replica. Default 50. */
  concurrency?: number | undefined;
  /** Most runs of one group at a time, on each replica. Default: as many as `concurrency`. */
  groupConcurrency?: number | undefined;
}

export const SCHEDULED_OPTION_NAMES: OptionNames<ScheduledOptions> = {
  timeout: true,
  description: true,
  record: true,
  overlap: true,
  backoff: true,
  maxAttempts: true,
  concurrency: true,
  groupConcurrency: true,
};

/** The first argument of a method with `@Scheduled`. */
export interface ScheduledContext<Payload = unknown> extends RunContext {
  readonly payload: Payload;
  /** Key of the schedule that it runs for. */
  readonly key: string;
  /** Group of the schedule; undefined when it has none. */
  readonly group: string | undefined;
}

/** What `@Scheduled` leaves on the method for discovery to find. Nothing is checked before the application starts. */
export interface ScheduledMetadata {
  name: string;
  options: ScheduledOptions;
}

/** Registered symbol: two copies of this package in one process still find each other's handlers. */
export const SCHEDULED_METADATA = Symbol.for('ctrlplane-workers/scheduled');

type ScheduledMethod = (context: ScheduledContext<never>, ...rest: never[]) => unknown;

/**
 * Makes a provider's method the handler of stored schedules: `Schedules.upsert({ handler, key, … })` says when it runs, for any number of
 * keys. A bad definition fails the application's start with `InvalidWorkersError`.
 *
 * @publicApi
 * @example `@Scheduled('reminder', { timeout: '30s', concurrency: 20 })`
 */
export function Scheduled(name: string, options: ScheduledOptions = {}) {
  requireParentheses("@Scheduled('reminder')", [name, options]);
  const metadata: ScheduledMetadata = { name, options };
  return <M extends ScheduledMethod>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<M>,
  ): void => markMethod(SCHEDULED_METADATA, metadata, '@Scheduled', [target, key, descriptor]);
}
