import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { EventLoopMonitor } from './execution/event-loop.monitor.js';
import { RunRecorder } from './history/run.recorder.js';
import { Scheduler } from './scheduler/scheduler.js';

/** Starts the workers when the application is ready, and drains them before anything they need is closed. */
@Injectable()
export class WorkerLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly scheduler: Scheduler,
    private readonly recorder: RunRecorder,
    private readonly monitor: EventLoopMonitor,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    // Before anything is opened: a bad definition must leave nothing behind.
    this.scheduler.discover();
    await this.recorder.open();
    this.scheduler.start();
  }

  /** Here TypeORM's data source is open still: it closes in `onApplicationShutdown`. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.scheduler.stop();
    this.monitor.stop();
    await this.recorder.close();
  }
}
