import { type Duration } from '../timing/duration.js';
import { type CronExpression } from '../timing/cron-schedule.js';
import { type Once } from '../timing/once-schedule.js';
import { type RunContext } from './run-context.js';
import { type WorkerOptions } from './worker-options.js';

/** A background task for `Scheduler.register`, where no decorated method of a provider will do. */
export interface Worker extends WorkerOptions {
  /** Identifies the worker; unique in the application, at most 200 characters. */
  readonly name: string;

  /**
   * When it runs: every so long, by a cron expression, or once. 0: event-driven, it runs only when triggered.
   */
  readonly interval: Duration | CronExpression | Once;

  /** One cycle. Rejecting marks the run as failed and harms no other worker. */
  run(context: RunContext): unknown;
}
