import { Inject, Injectable } from '@nestjs/common';
import { type DrivenRuns } from '../../core/execution/driven-runs.js';
import { Clock } from '../../core/timing/clock.js';
import { ScheduleDispatcher } from './schedule-dispatcher.worker.js';
import { ScheduledHandlers } from './scheduled-handlers.js';
import { UnknownScheduleError } from './schedule.errors.js';
import { ScheduleStore } from './schedule.store.js';
import { Schedules } from './schedules.service.js';

/** Stored schedules, for `WorkerTestHarness`. */
@Injectable()
export class DrivenSchedules implements DrivenRuns {
  constructor(
    private readonly handlers: ScheduledHandlers,
    private readonly dispatcher: ScheduleDispatcher,
    private readonly schedules: Schedules,
    private readonly store: ScheduleStore,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  has(handler: string): boolean {
    return this.handlers.find(handler) !== undefined;
  }

  async next(handler: string, key: string): Promise<{ ahead?: number; state: string }> {
    const schedule = await this.schedules.get(handler, key);
    if (!schedule) throw new UnknownScheduleError(handler, key);
    const { nextRun, state } = schedule;
    if (!nextRun || state === 'paused') return { state };
    // No test moves the time of a database.
    if (this.store.bringForward) await this.store.bringForward(handler, key);
    return { state, ahead: this.store.bringForward ? 0 : Math.max(0, nextRun.getTime() - this.clock.now()) };
  }

  trigger(handler: string, key: string): Promise<void> {
    return this.schedules.trigger(handler, key);
  }

  look(): Promise<void> {
    return this.dispatcher.look();
  }

  settled(): Promise<void> {
    return this.dispatcher.settled();
  }
}
