import { Injectable } from '@nestjs/common';
import { Scheduler } from '../../core/scheduler/scheduler.js';
import { Schedules } from './schedules.service.js';

/** Lets `Scheduler.cancel`, and all that calls it, end runs of stored schedules by their ids. */
@Injectable()
export class CancelledRuns {
  constructor(scheduler: Scheduler, schedules: Schedules) {
    scheduler.cancelsKeyedBy(({ worker, key, fencingToken }, by) =>
      schedules.cancel(worker, key!, { ...by, fencingToken }),
    );
  }
}
