import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type ScheduleModuleOptions } from '@nestjs/schedule';
import { type Coordinator } from './coordination/coordinator.js';
import { type RetentionOptions } from './history/retention.options.js';
import { type EndedRun } from './history/run.js';
import { type RunStore } from './history/run.store.js';
import { type WorkerOverrides } from './registry/worker-definition.js';
import { type DrainOptions } from './scheduler/drain.js';
import { type Duration } from './timing/duration.js';

/** Options of `WorkerModule.forRoot`. All may be left out. */
export interface WorkerModuleOptions {
  /** Where runs are kept. Default: where the coordination keeps them, or else in memory, the last 100 of each worker. */
  history?: RunStore;
  /**
   * Makes the replicas of an application one cluster, in which each slot is run once: `postgres({ … })` of
   * `ctrlplane-workers/postgres`. Default: none, every replica runs every worker.
   */
  coordination?: Coordinator;
  /**
   * With coordination: how long after the last sign of life of a replica its run is another one's, for all workers that do
   * not say it themselves. At least 1 s. Default: as it fits each worker, 1 to 5 s; see `WorkerOptions.lease`.
   */
  lease?: Duration;
  /**
   * How much of the history is kept. A store that outlives the process is pruned by the worker `workers_retention`;
   * `false`: nothing is deleted. Default: 7 days, and 10,000 runs of each worker. In memory: the last 100 of each.
   */
  retention?: RetentionOptions | false;
  /** How long a shutdown waits for runs. */
  drain?: DrainOptions;
  /**
   * Which release of the application this is, kept with each replica and run. 1 to 100 characters. Default: the environment
   * variable `WORKERS_RELEASE`, or else the `version` of the application's `package.json`.
   */
  release?: string;
  /** By name, what overrides a worker's own options and interval. A name that no worker has is a warning. */
  workers?: Record<string, WorkerOverrides>;
  /** Runs that may be on at a time in this process, over all workers; others wait. At least 1. Default: no limit. */
  maxConcurrentRuns?: number;
  /** Start ticking when the application is ready. Default true; if false, call `Scheduler.start()`. */
  autoStart?: boolean;
  /** `false`: this process lists the workers and never runs one, as an API replica may want. Default true. */
  run?: boolean;
  /**
   * Whether the application's global guards, interceptors, pipes and filters apply to workers too. Default false: a
   * guard that wants a user's token would refuse every run. Those of the worker's own class and method always apply.
   */
  globalEnhancers?: boolean;
  /**
   * Which handlers that are decorated with `@nestjs/schedule`'s own decorators become workers: the flags that
   * `ScheduleModule.forRoot` takes. Default: all.
   */
  adopt?: ScheduleModuleOptions;
  /**
   * What to do when a `ScheduleModule` is imported somewhere that would run adopted handlers as well. `refuse`
   * (default): the start fails with `HandlersRunTwiceError`. `ignore`: what it runs is left to it.
   */
  scheduleModule?: 'refuse' | 'ignore';
  /**
   * Called with every run that failed, timed out or was lost, after it was recorded, and with what it threw: for an error
   * tracker, which wants the error itself with its cause. What `onError` throws is logged.
   */
  onError?: (run: EndedRun, error: unknown) => unknown;
}

/** What `forRootAsync({ useClass })` and `forRootAsync({ useExisting })` name. */
export interface WorkerOptionsFactory {
  createWorkerOptions(): WorkerModuleOptions | Promise<WorkerModuleOptions>;
}

export const {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN: WORKER_OPTIONS,
  OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<WorkerModuleOptions>({
  optionsInjectionToken: Symbol.for('ctrlplane-workers/options'),
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createWorkerOptions')
  .setExtras({ isGlobal: true }, (definition, { isGlobal }) => ({ ...definition, global: isGlobal }))
  .build();
