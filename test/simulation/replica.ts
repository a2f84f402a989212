import { RunExecutor } from '../../src/core/execution/run.executor.js';
import { type EventLoopMonitor } from '../../src/core/execution/event-loop.monitor.js';
import { RunInterceptors } from '../../src/core/execution/run-interceptor.js';
import { Isolation } from '../../src/core/isolation/isolation.js';
import { InMemoryRunStore } from '../../src/core/history/in-memory-run.store.js';
import { RunRecorder } from '../../src/core/history/run.recorder.js';
import { type WorkerExplorer } from '../../src/core/registry/worker-explorer.js';
import { WorkerRegistry } from '../../src/core/registry/worker.registry.js';
import { EventSources } from '../../src/core/scheduler/event-sources.js';
import { Scheduler } from '../../src/core/scheduler/scheduler.js';
import { WorkerEvents } from '../../src/core/scheduler/worker-events.js';
import { type Worker } from '../../src/core/worker/worker.js';
import { type WorkerModuleOptions } from '../../src/core/worker-module.options.js';
import { type Host, Network } from './network.js';
import { type Habitat, SimulatedProcess } from './process.js';
import { type Pace } from './replica-clock.js';
import { type Store } from './store.js';
import { type Weather } from './wire.js';

/** What all replicas of a simulation share. */
export interface Surroundings extends Habitat {
  readonly store: Store;
  weather(): Weather;
}

/** One process of the application: the real scheduler and all below it, on clocks of its own. */
export class Replica extends SimulatedProcess implements Host {
  readonly scheduler: Scheduler;
  private readonly recorder: RunRecorder;
  private readonly handlers: ((event: unknown) => void)[] = [];

  constructor(
    label: string,
    readonly version: number,
    workers: readonly Worker[],
    options: WorkerModuleOptions,
    pace: Pace,
    private readonly around: Surroundings,
  ) {
    super(label, pace, around);
    const { world, store, random, trace } = around;
    const network = new Network(this, store, world, random, trace, () => around.weather());
    this.recorder = new RunRecorder(this.clock, new InMemoryRunStore());
    // Who asks first is reckoned from it.
    this.recorder.replica.id = `${label}-${random.next()}`;
    const events = new WorkerEvents();
    const sources = new EventSources();
    sources.add({
      subscribe: (_type, handler) => {
        this.handlers.push(handler);
        return () => this.handlers.splice(this.handlers.indexOf(handler), 1);
      },
    });
    this.scheduler = new Scheduler(
      { ...options, coordination: network },
      this.clock,
      new WorkerRegistry({ explore: () => [] } as unknown as WorkerExplorer, {}),
      new RunExecutor(
        this.clock,
        this.recorder,
        new RunInterceptors(),
        idleMonitor,
        new Isolation({ isolation: false }, this.clock),
      ),
      this.recorder,
      events,
      sources,
    );
    for (const worker of workers) this.scheduler.register(worker);
    void this.start();
  }

  wall(): number {
    return this.clock.now();
  }

  hear(event: unknown): void {
    this.enter(() => {
      for (const handler of [...this.handlers]) handler(event);
    });
  }

  private async start(): Promise<void> {
    try {
      await this.recorder.open();
      await this.scheduler.open();
    } catch (error) {
      return this.crash(`at start: ${String(error)}`);
    }
    if (!this.draining) this.scheduler.start();
    this.ready = true;
    this.undisturbed = this.around.world.now;
    this.around.trace.note(this.label, () => 'is up');
  }

  protected async end(): Promise<void> {
    await this.scheduler.stop();
    await this.scheduler.close();
    await this.recorder.close();
  }
}

/** Nobody blocks a virtual event loop, and its beats are the most frequent of all timers. */
const idleMonitor = {
  started() {},
  called() {},
  ended() {},
  stop() {},
} as unknown as EventLoopMonitor;
