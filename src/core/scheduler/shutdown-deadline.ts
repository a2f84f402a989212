import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../timing/clock.js';
import { WORKER_OPTIONS } from '../worker/module-options.token.js';
import { Deadline, drainTimes } from './drain.js';
import { type SchedulerOptions } from './scheduler.options.js';

/**
 * The one deadline of an application's shutdown, `drain.deadline`. Code that waits in a hook of Nest reads how much
 * of it is left: hooks are called one after the other, so that limits of their own would add up.
 */
@Injectable()
export class ShutdownDeadline {
  private begun?: Deadline;

  constructor(
    @Inject(WORKER_OPTIONS) private readonly options: SchedulerOptions,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** The deadline, counted from the first call. */
  begin(): Deadline {
    return (this.begun ??= new Deadline(this.clock, drainTimes(this.options.drain).deadline));
  }
}
