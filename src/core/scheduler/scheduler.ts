import { Inject, Injectable } from '@nestjs/common';
import { RunExecutor } from '../execution/run.executor.js';
import { type EndedRun } from '../history/run.js';
import { WorkerRegistry } from '../registry/worker.registry.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { UnknownWorkerError } from '../registry/worker.errors.js';
import { Clock } from '../timing/clock.js';
import { type Worker } from '../worker/worker.js';
import { type WorkerInfo } from '../worker/worker-info.js';
import { WORKER_OPTIONS, type WorkerModuleOptions } from '../worker-module.options.js';
import { drain, drainTimes, type DrainTimes } from './drain.js';
import { WorkerLoop } from './worker-loop.js';

/** A run that `trigger` started. */
export interface RunHandle {
  readonly runId: string;
  /** Resolves with the run's record when it has ended, also when it failed. Never rejects. */
  readonly ended: Promise<EndedRun>;
}

/** Drives all workers of this replica. Started and drained by `WorkerModule`; the rest is for its users. */
@Injectable()
export class Scheduler {
  private readonly loops = new Map<string, WorkerLoop>();
  private readonly drainTimes: DrainTimes;
  private started = false;

  constructor(
    @Inject(WORKER_OPTIONS) options: WorkerModuleOptions,
    @Inject(Clock) private readonly clock: Clock,
    private readonly registry: WorkerRegistry,
    private readonly executor: RunExecutor,
  ) {
    this.drainTimes = drainTimes(options.drain);
  }

  /**
   * Adds the decorated methods of the application. `WorkerModule` does so once, before it starts.
   * @throws InvalidWorkersError that lists all bad ones
   */
  discover(): void {
    for (const definition of this.registry.discover()) this.add(definition);
  }

  /**
   * Adds a worker at any time; it ticks at once when the scheduler is started.
   * @throws InvalidWorkersError for a bad definition or a name that is taken
   */
  register(worker: Worker): void {
    this.add(this.registry.add(worker));
  }

  /**
   * Takes a worker away. It ticks no more at once; its name is free again when the promise resolves, which is
   * when a run of it that was on has ended.
   * @throws UnknownWorkerError
   */
  async unregister(name: string): Promise<void> {
    const loop = this.loop(name);
    loop.stop();
    await loop.current?.ended;
    this.registry.remove(name);
    this.loops.delete(name);
  }

  /** Starts all workers and returns at once. Starting twice does nothing. */
  start(): void {
    if (this.started) return;
    this.started = true;
    for (const loop of this.loops.values()) loop.start();
  }

  /**
   * Drains: ticks no more, lets runs end up to `drain.timeout`, then aborts their signals, and records what has
   * not ended `drain.abortGrace` later as aborted. Resolves then, at the latest.
   */
  async stop(): Promise<void> {
    this.started = false;
    for (const loop of this.loops.values()) loop.stop();
    const executions = [...this.loops.values()].flatMap((loop) => loop.current ?? []);
    await drain(executions, this.clock, this.drainTimes);
  }

  /** Whether it ticks. */
  get running(): boolean {
    return this.started;
  }

  /** Every worker as this replica sees it, by name. */
  workers(): WorkerInfo[] {
    return [...this.loops.values()].map((loop) => loop.info()).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  workerByName(name: string): WorkerInfo | undefined {
    return this.loops.get(name)?.info();
  }

  /**
   * Runs a worker now, beside its schedule.
   * @param payload handed to the run as `context.payload`
   * @throws UnknownWorkerError
   * @throws WorkerBusyError while a run of it is on
   * @throws SchedulerStoppedError
   */
  async trigger(name: string, payload?: unknown): Promise<RunHandle> {
    const { run, ended } = this.loop(name).trigger(payload);
    return { runId: run.id, ended };
  }

  private add(definition: WorkerDefinition): void {
    const loop = new WorkerLoop(definition, this.clock, this.executor);
    this.loops.set(definition.name, loop);
    if (this.started) loop.start();
  }

  private loop(name: string): WorkerLoop {
    const loop = this.loops.get(name);
    if (!loop) throw new UnknownWorkerError(name, this.registry.names());
    return loop;
  }
}
