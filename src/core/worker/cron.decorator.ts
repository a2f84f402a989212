import { isOptions } from '../text/option-names.js';
import { type CronExpression } from '../timing/cron-schedule.js';
import { requireParentheses } from './mark-method.js';
import { markAsWorker, type WorkerMethodDecorator } from './interval.decorator.js';
import { type WorkerOptions } from './worker-options.js';

/** The options of every worker, and its name and time zone. */
export interface CronOptions extends WorkerOptions {
  /** Default `Class.method`. */
  name?: string | undefined;
  /** IANA name, such as `Europe/Berlin`. Default: the time zone of the process. */
  timeZone?: string | undefined;
}

/**
 * Makes a provider's method a worker that runs by local time. When clocks are set forward, a slot at a time that does not
 * exist is run at the change; when they are set back, a slot at a time that comes twice is run once (an expression for
 * every hour runs both times).
 *
 * @example `@Cron('0 3 * * *', { name: 'nightly', timeZone: 'Europe/Berlin' })`
 */
export function Cron(cron: string, options?: CronOptions): WorkerMethodDecorator;
export function Cron(...args: [cron: string, options?: CronOptions]): WorkerMethodDecorator {
  requireParentheses("@Cron('0 3 * * *')", args);
  const [cron, given] = args;
  const all: unknown = given ?? {};
  const { name, timeZone, ...options } = isOptions(all) ? (all as CronOptions) : {};
  const every: CronExpression = timeZone === undefined ? { cron } : { cron, timeZone };
  return markAsWorker('@Cron', {
    ...(name !== undefined && { name }),
    every,
    // What is no object is refused with the other options.
    options: isOptions(all) ? options : (all as WorkerOptions),
  });
}
