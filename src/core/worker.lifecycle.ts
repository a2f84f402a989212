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
import { ShardRegistry } from './fan-out/shard.registry.js';
import { RetentionWorker } from './history/retention.worker.js';
import { RunRecorder } from './history/run.recorder.js';
import { inChild } from './isolation/in-child.js';
import { Isolation } from './isolation/isolation.js';
import { LazyModules } from './lazy-modules.js';
import { WorkerRegistry } from './registry/worker.registry.js';
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
    private readonly shards: ShardRegistry,
    private readonly lazy: LazyModules,
    private readonly unhandled: UnhandledErrors,
    private readonly startLine: StartLine,
    private readonly registry: WorkerRegistry,
    private readonly isolation: Isolation,
    _errorHook: ErrorHook,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    // Before anything is opened: a bad definition must leave no open connection.
    this.shards.discover();
    this.scheduler.discover([...this.adoption.workers(), ...this.retention.workers()]);
    this.lazy.whenLoaded(() => {
      this.shards.discover();
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
    } catch (error) {
      await this.recorder.close();
      throw error;
    }
  }

  private async shutDown(): Promise<void> {
    this.adoption.unmount();
    const deadline = this.deadline.begin();
    if (inChild()) return;
    await this.scheduler.stop(deadline);
    await deadline.bound(this.isolation.close());
    await deadline.bound(this.scheduler.close());
    this.monitor.stop();
    await this.recorder.close(() => deadline.left());
    this.unhandled.stop();
  }
}
