import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { DRIVEN_RUNS } from '../../core/execution/driven-runs.js';
import { CancelledRuns } from './cancelled-runs.js';
import { DrivenSchedules } from './driven-schedules.js';
import { InMemoryScheduleStore } from './in-memory-schedule.store.js';
import { PostgresScheduleStore } from './postgres-schedule.store.js';
import { ScheduleChanges } from './schedule-changes.js';
import { ScheduleDispatcher } from './schedule-dispatcher.worker.js';
import { ScheduledHandlers } from './scheduled-handlers.js';
import { ScheduledRuns } from './scheduled-runs.js';
import { ScheduleStore } from './schedule.store.js';
import { ScheduleWatch } from './schedule-watch.worker.js';
import { checkSchedulesOptions, SCHEDULES_OPTIONS, type SchedulesOptions } from './schedules.options.js';
import { Schedules } from './schedules.service.js';

/** What runs schedules. Not global: what is not, is drained before the history of runs is closed. */
@Module({})
class ScheduleDispatcherModule {}

/**
 * Stored schedules: `Schedules` wherever it is injected, and what runs them. Needs `WorkerModule`, and `DatabaseModule` unless
 * they are kept elsewhere.
 *
 * @publicApi
 * @example `SchedulesModule.forRoot({ store: 'memory' })`
 */
@Module({})
export class SchedulesModule {
  /** @throws InvalidInputError naming every option that cannot be */
  static forRoot(options: SchedulesOptions = {}): DynamicModule {
    checkSchedulesOptions(options);
    const { dispatch = true } = options;
    return {
      module: SchedulesModule,
      global: true,
      imports: dispatch
        ? [
            {
              module: ScheduleDispatcherModule,
              providers: [
                ScheduledHandlers,
                ScheduledRuns,
                ScheduleDispatcher,
                { provide: DRIVEN_RUNS, useClass: DrivenSchedules },
              ],
              exports: [ScheduleDispatcher, ScheduledHandlers],
            },
          ]
        : [],
      providers: [
        { provide: SCHEDULES_OPTIONS, useValue: options },
        storeOf(options.store),
        ScheduleChanges,
        Schedules,
        CancelledRuns,
        ScheduleWatch,
      ],
      exports: [SCHEDULES_OPTIONS, ScheduleStore, ScheduleChanges, Schedules],
    };
  }
}

function storeOf(store: SchedulesOptions['store'] = 'postgres'): Provider {
  if (store === 'postgres') return { provide: ScheduleStore, useClass: PostgresScheduleStore };
  if (store === 'memory') return { provide: ScheduleStore, useClass: InMemoryScheduleStore };
  if (typeof store === 'function') return { provide: ScheduleStore, useClass: store };
  return { provide: ScheduleStore, useValue: store };
}
