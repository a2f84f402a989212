import { type DynamicModule, Module, type OnModuleInit } from '@nestjs/common';
import { DiscoveryModule, ModulesContainer } from '@nestjs/core';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Adoption } from './adoption/adoption.js';
import { ForeignScheduleModules } from './adoption/foreign-schedule-modules.js';
import { HandlerCalls } from './adoption/handler-calls.js';
import { ObservedRuns } from './adoption/observed-runs.js';
import { NOT_OVERRIDDEN, ORCHESTRATOR } from './adoption/overridden.js';
import { ScheduleExplorer } from './adoption/schedule-explorer.js';
import { WorkerSchedulerRegistry } from './adoption/worker-scheduler.registry.js';
import { EventLoopMonitor } from './execution/event-loop.monitor.js';
import { RunExecutor } from './execution/run.executor.js';
import { RunInterceptors } from './execution/run-interceptor.js';
import { UnhandledErrors } from './execution/unhandled-errors.js';
import { FanOuts } from './fan-out/fan-outs.js';
import { ShardRegistry } from './fan-out/shard.registry.js';
import { IncidentStore } from './history/incident.store.js';
import { InMemoryIncidentStore } from './history/in-memory-incident.store.js';
import { InMemoryRunStore } from './history/in-memory-run.store.js';
import { RELEASE, releaseOf } from './history/release.js';
import { RetentionWorker } from './history/retention.worker.js';
import { RunRecorder } from './history/run.recorder.js';
import { RunStore } from './history/run.store.js';
import { Isolation } from './isolation/isolation.js';
import { inChild } from './isolation/in-child.js';
import { LazyModules } from './lazy-modules.js';
import { DecoratedMethods } from './registry/decorated-methods.js';
import { Enhancers } from './registry/enhancers.js';
import { WorkerCalls } from './registry/worker-calls.js';
import { WorkerExplorer } from './registry/worker-explorer.js';
import { WorkerRegistry } from './registry/worker.registry.js';
import { ErrorHook } from './scheduler/error-hook.js';
import { EventSources } from './scheduler/event-sources.js';
import { Scheduler } from './scheduler/scheduler.js';
import { ShutdownDeadline } from './scheduler/shutdown-deadline.js';
import { WorkerEvents } from './scheduler/worker-events.js';
import { isOptions } from './text/option-names.js';
import { Clock, SystemClock } from './timing/clock.js';
import { StartLine } from './start-line.js';
import { WorkerModuleNotConfiguredError } from './worker.module.errors.js';
import { WorkerLifecycle } from './worker.lifecycle.js';
import { WORKER_OPTIONS } from './worker/module-options.token.js';
import { type WorkerModuleOptions } from './worker-module.options.js';
import { ConfigurableModuleClass, type OPTIONS_TYPE } from './worker.module-definition.js';
import { checkedModuleOptions } from './checked-module-options.js';
import { requireSingleImport } from './single-import.js';

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
    {
      // Replaced by what `forRoot` provides.
      provide: WORKER_OPTIONS,
      useFactory: () => {
        throw new WorkerModuleNotConfiguredError();
      },
    },
    { provide: Clock, useClass: SystemClock },
    {
      provide: RunStore,
      inject: [WORKER_OPTIONS],
      useFactory: ({ history, coordination, retention }: WorkerModuleOptions) =>
        (inChild() ? undefined : (history ?? coordination?.runStore?.())) ??
        new InMemoryRunStore(retention ? retention.maxRuns : undefined),
    },
    {
      provide: IncidentStore,
      inject: [WORKER_OPTIONS, Clock],
      useFactory: ({ coordination }: WorkerModuleOptions, clock: Clock) =>
        (inChild() ? undefined : coordination?.incidentStore?.()) ?? new InMemoryIncidentStore(clock),
    },
    {
      provide: RELEASE,
      inject: [WORKER_OPTIONS],
      useFactory: ({ release }: WorkerModuleOptions) => releaseOf(release),
    },
    Enhancers,
    WorkerCalls,
    DecoratedMethods,
    WorkerExplorer,
    WorkerRegistry,
    RunRecorder,
    RetentionWorker,
    RunInterceptors,
    EventLoopMonitor,
    UnhandledErrors,
    Isolation,
    RunExecutor,
    ShardRegistry,
    FanOuts,
    EventSources,
    WorkerEvents,
    ErrorHook,
    Scheduler,
    ShutdownDeadline,
    { provide: ORCHESTRATOR, useValue: NOT_OVERRIDDEN },
    Adoption,
    HandlerCalls,
    ObservedRuns,
    ScheduleExplorer,
    ForeignScheduleModules,
    WorkerSchedulerRegistry,
    { provide: SchedulerRegistry, useExisting: WorkerSchedulerRegistry },
    LazyModules,
    StartLine,
    WorkerLifecycle,
  ],
  exports: [
    Scheduler,
    ShutdownDeadline,
    RunRecorder,
    RunInterceptors,
    // For what finds and runs methods of its own, as modules/schedules does.
    RunExecutor,
    FanOuts,
    DecoratedMethods,
    WorkerCalls,
    EventSources,
    WorkerEvents,
    IncidentStore,
    Clock,
    SchedulerRegistry,
  ],
})
export class WorkerModule extends ConfigurableModuleClass implements OnModuleInit {
  constructor(private readonly modules: ModulesContainer) {
    super();
  }

  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    // Nest takes the options apart before they are checked.
    return super.forRoot(isOptions(options) ? options : checkedModuleOptions(options));
  }

  /** @throws WorkerModuleImportedTwiceError */
  onModuleInit(): void {
    requireSingleImport(WorkerModule, this.modules);
  }
}
