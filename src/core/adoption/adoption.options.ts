import { type ScheduleModuleOptions } from '@nestjs/schedule';

/** What the adoption of `@nestjs/schedule`'s handlers takes of the options of `WorkerModule`. */
export interface AdoptionOptions {
  /**
   * Which handlers that are decorated with `@nestjs/schedule`'s own decorators become workers: the flags that
   * `ScheduleModule.forRoot` takes. Default: all.
   */
  adopt?: ScheduleModuleOptions | undefined;
  /**
   * What to do when an imported `ScheduleModule` would run adopted handlers as well. `refuse` (default): the start
   * fails with `HandlersRunTwiceError`. `ignore`: `ScheduleModule` runs them, and they do not become workers.
   */
  scheduleModule?: 'refuse' | 'ignore' | undefined;
}
