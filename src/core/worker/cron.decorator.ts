import { type CronExpression } from '../timing/cron-schedule.js';
import { markAsWorker, type WorkerMethodDecorator } from './interval.decorator.js';
import { type WorkerOptions } from './worker-options.js';

/** Beside the options of every worker, its name and time zone. */
export interface CronOptions extends WorkerOptions {
  /** Default `Class.method`. */
  name?: string | undefined;
  /** IANA name, such as `Europe/Berlin`. Default: the time zone of the process. */
  timeZone?: string | undefined;
}

/**
 * Makes a provider's method a worker that runs when the clock on the wall says so. In a night when clocks are set
 * forward, a time that does not exist is run at the moment of the change; when they are set back, one that comes
 * twice is run once.
 *
 * @example `@Cron('0 3 * * *', { name: 'nightly', timeZone: 'Europe/Berlin' })`
 */
export function Cron(cron: string, { name, timeZone, ...options }: CronOptions = {}): WorkerMethodDecorator {
  const every: CronExpression = timeZone === undefined ? { cron } : { cron, timeZone };
  return markAsWorker({ ...(name !== undefined && { name }), every, options });
}
