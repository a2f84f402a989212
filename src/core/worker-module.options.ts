import { type AdoptionOptions } from './adoption/adoption.options.js';
import { type FanOutModuleOptions } from './fan-out/fan-out.options.js';
import { type HistoryOptions } from './history/history.options.js';
import { type IsolationOptions } from './isolation/isolation.options.js';
import { type RegistryOptions } from './registry/registry.options.js';
import { type SchedulerOptions } from './scheduler/scheduler.options.js';

/** Options of `WorkerModule.forRoot`, each declared by the part that uses it. All are optional. */
export interface WorkerModuleOptions
  extends
    RegistryOptions,
    HistoryOptions,
    SchedulerOptions,
    AdoptionOptions,
    FanOutModuleOptions,
    IsolationOptions {}

/** The class that `forRootAsync({ useClass })` and `forRootAsync({ useExisting })` take. */
export interface WorkerOptionsFactory {
  createWorkerOptions(): WorkerModuleOptions | Promise<WorkerModuleOptions>;
}
