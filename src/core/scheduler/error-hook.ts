import { Inject, Injectable, Logger } from '@nestjs/common';
import { thrownBy } from '../execution/thrown.js';
import { WORKER_OPTIONS } from '../worker/module-options.token.js';
import { type SchedulerOptions } from './scheduler.options.js';
import { type WorkerEvent, WorkerEvents } from './worker-events.js';
import { classAndMessageOf } from '../text/describe-error.js';

/** Calls the option `onError`, if set, for each run that failed, timed out or was lost. */
@Injectable()
export class ErrorHook {
  private readonly logger = new Logger('Workers');

  constructor(@Inject(WORKER_OPTIONS) { onError }: SchedulerOptions, events: WorkerEvents) {
    if (onError) events.events$.subscribe((event) => void this.call(onError, event));
  }

  private async call(onError: NonNullable<SchedulerOptions['onError']>, event: WorkerEvent): Promise<void> {
    // For a run that timed out it was called when the run was overdue.
    if (event.type !== 'run.failed' && event.type !== 'run.overdue' && event.type !== 'run.lost') return;
    try {
      await onError(event.run, thrownBy(event.run));
    } catch (error) {
      this.logger.error(
        `onError failed for run ${event.run.id} of "${event.worker}": ${classAndMessageOf(error)}`,
      );
    }
  }
}
