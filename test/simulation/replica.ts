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
import { type Host, Network, type Weather } from './network.js';
import { type Process } from './observer.js';
import { type Random } from './random.js';
import { type Pace, ReplicaClock } from './replica-clock.js';
import { type Store } from './store.js';
import { type Trace } from './trace.js';
import { type World } from './world.js';

/** What all replicas of a simulation share. */
export interface Surroundings {
  readonly world: World;
  readonly store: Store;
  readonly random: Random;
  readonly trace: Trace;
  weather(): Weather;
  /** A process has shut down. */
  leaves(replica: Replica): void;
  /** A process ended, by itself or not. */
  gone(replica: Replica): void;
  /** A process that was stopped goes on. */
  resumed(replica: Replica): void;
  /** What must not happen. */
  violate(what: string): void;
}

const IN_PEACE = 'in peace';

/** One process of the application: the real scheduler and all below it, on clocks of its own. */
export class Replica implements Process, Host {
  readonly clock: ReplicaClock;
  readonly scheduler: Scheduler;
  alive = true;
  paused = false;
  /** Its start has come to its end. */
  ready = false;
  draining = false;
  /** Since when it runs without being disturbed, true time. */
  undisturbed = Infinity;
  private readonly recorder: RunRecorder;
  private readonly handlers: ((event: unknown) => void)[] = [];
  /** What fell due while the process was stopped. */
  private due: (() => void)[] = [];

  constructor(
    readonly label: string,
    readonly version: number,
    workers: readonly Worker[],
    options: WorkerModuleOptions,
    pace: Pace,
    private readonly around: Surroundings,
  ) {
    const { world, store, random, trace } = around;
    this.clock = new ReplicaClock(
      world,
      pace,
      (callback) => this.enter(callback),
      () => (random.chance(0.1) ? random.next() : 0),
    );
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

  enter(callback: () => void): void {
    if (!this.alive) return;
    if (this.paused) this.due.push(callback);
    else callback();
  }

  /** Nothing of it is ever heard again. */
  crash(why: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.due = [];
    if (why === IN_PEACE) this.around.leaves(this);
    this.around.trace.note(this.label, () => `dies ${why}`);
    this.around.gone(this);
  }

  /** SIGSTOP, and SIGCONT that many milliseconds later. */
  freeze(ms: number): void {
    if (!this.alive || this.paused) return;
    this.paused = true;
    const { trace, world } = this.around;
    trace.note(this.label, () => `is stopped for ${Math.round(ms)} ms`);
    world.in(ms, () => this.thaw());
  }

  /** SIGCONT. */
  thaw(): void {
    if (!this.alive || !this.paused) return;
    const { trace, world, random } = this.around;
    trace.note(this.label, () => 'goes on');
    this.paused = false;
    if (this.ready) this.undisturbed = world.now;
    const due = this.due;
    this.due = [];
    // Answers before timers, or after them, or in between.
    if (random.chance(0.3)) due.reverse();
    for (const callback of due) world.in(0, () => this.enter(callback));
    world.in(0, () => this.around.resumed(this));
  }

  /** SIGTERM. */
  drain(): void {
    if (!this.alive || this.draining) return;
    this.draining = true;
    this.around.trace.note(this.label, () => 'is told to shut down');
    this.enter(() => void this.shutDown());
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

  private async shutDown(): Promise<void> {
    try {
      await this.scheduler.stop();
      await this.scheduler.close();
      await this.recorder.close();
    } catch (error) {
      this.around.violate(`${this.label}: shutting down threw ${String(error)}`);
    }
    this.crash(IN_PEACE);
  }
}

/** Nobody blocks a virtual event loop, and its beats are the most frequent of all timers. */
const idleMonitor = {
  started() {},
  called() {},
  ended() {},
  stop() {},
} as unknown as EventLoopMonitor;
