import { type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { EventLoopMonitor } from './execution/event-loop.monitor.js';
import { RunExecutor } from './execution/run.executor.js';
import { RunInterceptors } from './execution/run-interceptor.js';
import { InMemoryRunStore } from './history/in-memory-run.store.js';
import { RunRecorder } from './history/run.recorder.js';
import { RunStore } from './history/run.store.js';
import { WorkerExplorer } from './registry/worker-explorer.js';
import { WorkerRegistry } from './registry/worker.registry.js';
import { ErrorHook } from './scheduler/error-hook.js';
import { EventSources } from './scheduler/event-sources.js';
import { Scheduler } from './scheduler/scheduler.js';
import { WorkerEvents } from './scheduler/worker-events.js';
import { Clock, SystemClock } from './timing/clock.js';
import { WorkerLifecycle } from './worker.lifecycle.js';
import {
  ConfigurableModuleClass,
  type OPTIONS_TYPE,
  WORKER_OPTIONS,
  type WorkerModuleOptions,
} from './worker-module.options.js';

/**
 * Runs the workers of an application: import it once, with `forRoot` or `forRootAsync`, and every provider's
 * `@Interval` method in any module is found, run, tracked and drained. Global, so that `Scheduler` and
 * `RunRecorder` can be injected anywhere.
 *
 * Shutdown on a signal needs `app.enableShutdownHooks()`.
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    { provide: Clock, useClass: SystemClock },
    {
      provide: RunStore,
      inject: [WORKER_OPTIONS],
      useFactory: ({ history }: WorkerModuleOptions) => history ?? new InMemoryRunStore(),
    },
    WorkerExplorer,
    WorkerRegistry,
    RunRecorder,
    RunInterceptors,
    EventLoopMonitor,
    RunExecutor,
    EventSources,
    WorkerEvents,
    ErrorHook,
    Scheduler,
    WorkerLifecycle,
  ],
  exports: [Scheduler, RunRecorder, RunInterceptors, EventSources, Clock],
})
export class WorkerModule extends ConfigurableModuleClass {
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return super.forRoot(options);
  }
}
