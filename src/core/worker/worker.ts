import { type Duration } from '../timing/duration.js';
import { type CronExpression } from '../timing/cron-schedule.js';
import { type Once } from '../timing/once-schedule.js';
import { type RunContext } from './run-context.js';
import { type WorkerOptions } from './worker-options.js';

/** A worker for `Scheduler.register`, when it cannot be a decorated method of a provider. */
export interface Worker extends WorkerOptions {
  /** Identifies the worker; unique in the application, at most 200 characters. */
  readonly name: string;

  /** When it runs: at an interval, by a cron expression, or once. 0: event-driven, it runs only on triggers and events. */
  readonly interval: Duration | CronExpression | Once;

  /** One run. When it throws or rejects, the run has failed; other workers are not affected. */
  run(context: RunContext): unknown;
}
