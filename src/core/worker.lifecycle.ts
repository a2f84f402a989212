import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { Adoption } from './adoption/adoption.js';
import { EventLoopMonitor } from './execution/event-loop.monitor.js';
import { UnhandledErrors } from './execution/unhandled-errors.js';
import { FanOuts } from './fan-out/fan-outs.js';
import { RetentionWorker } from './history/retention.worker.js';
import { RunRecorder } from './history/run.recorder.js';
import { inChild } from './isolation/in-child.js';
import { Isolation } from './isolation/isolation.js';
import { LazyModules } from './lazy-modules.js';
import { WorkerRegistry } from './registry/worker.registry.js';
import { drainTimes } from './scheduler/drain.js';
import { ErrorHook } from './scheduler/error-hook.js';
import { Scheduler } from './scheduler/scheduler.js';
import { ShutdownDeadline } from './scheduler/shutdown-deadline.js';
import { StartLine } from './start-line.js';
import { WORKER_OPTIONS } from './worker/module-options.token.js';
import { type WorkerModuleOptions } from './worker-module.options.js';

/** Starts the workers when the application is ready, and drains them before anything they need is closed. */
@Injectable()
export class WorkerLifecycle implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  /** Shared by all callers: two concurrent `app.close()` shut down once. */
  private shutdown?: Promise<void>;

  constructor(
    @Inject(WORKER_OPTIONS) private readonly options: WorkerModuleOptions,
    private readonly scheduler: Scheduler,
    private readonly deadline: ShutdownDeadline,
    private readonly recorder: RunRecorder,
    private readonly monitor: EventLoopMonitor,
    private readonly adoption: Adoption,
    private readonly retention: RetentionWorker,
    private readonly fanOuts: FanOuts,
    private readonly lazy: LazyModules,
    private readonly unhandled: UnhandledErrors,
    private readonly startLine: StartLine,
    private readonly registry: WorkerRegistry,
    private readonly isolation: Isolation,
    _errorHook: ErrorHook,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    // Before anything is opened: a bad definition must leave no open connection.
    this.fanOuts.discover();
    this.scheduler.discover([...this.adoption.workers(), ...this.retention.workers()]);
    this.lazy.whenLoaded(() => {
      this.fanOuts.discover();
      this.scheduler.discover();
      this.adoption.warnOfNew();
    });
    // The application runs the workers of its children, and has their records.
    if (inChild()) return;
    await this.isolation.prepare(this.registry.all(), this.options.run !== false);
    this.adoption.mount();
    await this.open().catch(async (error: unknown) => {
      await this.isolation.close();
      throw error;
    });
    this.unhandled.listen();
    this.scheduler.onStart.push(() => this.fanOuts.serve());
    if (this.options.autoStart !== false) this.scheduler.start();
    this.startLine.log();
  }

  onModuleDestroy(): void {
    this.deadline.begin();
    this.isolation.drain();
  }

  /** In this hook TypeORM's data source is still open: it closes in `onApplicationShutdown`. */
  beforeApplicationShutdown(): Promise<void> {
    return (this.shutdown ??= this.shutDown());
  }

  private async open(): Promise<void> {
    await this.recorder.open();
    try {
      await this.scheduler.open();
      await this.openFanOuts();
    } catch (error) {
      await this.recorder.close();
      throw error;
    }
  }

  private async openFanOuts(): Promise<void> {
    try {
      await this.fanOuts.open();
    } catch (error) {
      await this.scheduler.close();
      throw error;
    }
  }

  private async shutDown(): Promise<void> {
    this.adoption.unmount();
    const deadline = this.deadline.begin();
    if (inChild()) return;
    await this.scheduler.stop(deadline);
    // Shards of this replica's runs may need it to the end of these.
    await deadline.bound(
      this.fanOuts.rest(Math.min(drainTimes(this.options.drain).timeout, deadline.left())),
    );
    await deadline.bound(this.fanOuts.close());
    await deadline.bound(this.isolation.close());
    await deadline.bound(this.scheduler.close());
    this.monitor.stop();
    await this.recorder.close(() => deadline.left());
    this.unhandled.stop();
  }
}
