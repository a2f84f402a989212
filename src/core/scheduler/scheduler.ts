import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Observable } from 'rxjs';
import { RunExecutor } from '../execution/run.executor.js';
import { RunRecorder } from '../history/run.recorder.js';
import { inChild } from '../isolation/in-child.js';
import { warnOfDefaultNames, warnOfUnknownOverrides } from '../registry/default-names.js';
import { WorkerRegistry } from '../registry/worker.registry.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { type Finding } from '../registry/worker-explorer.js';
import { Clock } from '../timing/clock.js';
import { callersContext, inRootContext } from '../timing/root-context.js';
import { type ByActor, storableActor } from '../worker/actor.js';
import { type Cancellation, storableCancellation } from '../worker/cancellation.js';
import { jsonPayload } from '../worker/payload.js';
import { type Worker } from '../worker/worker.js';
import { type WorkerInfo } from '../worker/worker-info.js';
import { WORKER_OPTIONS } from '../worker/module-options.token.js';
import { type RegistryOptions } from '../registry/registry.options.js';
import { leaseOption, type SchedulerOptions } from './scheduler.options.js';
import { Cluster, type CoordinationStatus } from './cluster/cluster.js';
import { checkedTiming } from './checked-timing.js';
import { ConditionLog } from './condition-log.js';
import { Deadline, drain, drainTimes, type DrainTimes, SETTLE_WITHIN } from './drain.js';
import { EventSources } from './event-sources.js';
import { CatchUps } from './catch-ups.js';
import { type Loop } from './loop.js';
import { LoopSet } from './loop-set.js';
import { type RunHandle } from './run-handle.js';
import { type CancelKeyedRun, RunCancels } from './run-cancels.js';
import { RunLimit } from './run-limit.js';
import { RunWaits } from './run-waits.js';
import { type WorkerEvent, WorkerEvents } from './worker-events.js';
import { WorkerLoop } from './local/worker-loop.js';

/** Drives all workers of this replica. `WorkerModule` starts and drains it; the other methods are for applications. */
@Injectable()
export class Scheduler {
  readonly onStart: (() => void)[] = [];
  private readonly logger = new Logger('Workers');
  private readonly loops: LoopSet;
  private readonly cancels: RunCancels;
  private readonly catchUps: CatchUps;
  private readonly drainTimes: DrainTimes;
  private readonly limit: RunLimit;
  private readonly waits: RunWaits;
  private readonly conditions: ConditionLog;
  private readonly cluster?: Cluster;
  private started = false;
  private everStarted = false;
  private discovered = false;

  constructor(
    @Inject(WORKER_OPTIONS) private readonly options: SchedulerOptions & RegistryOptions,
    @Inject(Clock) private readonly clock: Clock,
    private readonly registry: WorkerRegistry,
    private readonly executor: RunExecutor,
    private readonly recorder: RunRecorder,
    private readonly events: WorkerEvents,
    sources: EventSources,
  ) {
    recorder.whenLost((run) => events.ended(run));
    executor.whenOverdue((run) => events.overdue(run));
    this.drainTimes = drainTimes(options.drain);
    this.limit = new RunLimit(options.maxConcurrentRuns);
    this.waits = new RunWaits(this.limit);
    this.loops = new LoopSet(sources, this.logger);
    this.cancels = new RunCancels(this.loops, recorder, clock);
    this.catchUps = new CatchUps(recorder, this.logger);
    this.conditions = new ConditionLog(() => this.loops.all, clock, this.logger, events);
    const { limit, conditions } = this;
    if (options.coordination && !inChild())
      this.cluster = new Cluster(
        options.coordination,
        clock,
        recorder.replica.id,
        { executor, recorder, events, limit, conditions, lease: leaseOption(options.lease) },
        {
          active: () => this.loops.all.flatMap(({ executions }) => executions.map(({ run }) => run.id)),
          cancel: (runId, by) => void this.cancels.cancelHere(runId, by),
        },
      );
  }

  /** Opens the coordination, if there is one; rejects when that fails. `WorkerModule` calls it before `start`. */
  async open(): Promise<void> {
    await inRootContext(() => this.cluster?.open());
  }

  /** Closes the coordination. Call it after the last `stop`. */
  async close(): Promise<void> {
    await this.cluster?.close();
  }

  /** State of the coordination; undefined without one. */
  get coordination(): CoordinationStatus | undefined {
    return this.cluster?.status;
  }

  /**
   * Every worker as the cluster sees it (without coordination, or with the scope `replica`, as this replica sees it),
   * ordered by name. Rejects when the coordination cannot be reached.
   */
  async status(): Promise<WorkerInfo[]> {
    return this.loops.infos(await this.cluster?.infos());
  }

  /** @internal `status` for the dashboard: an unchanged info may be the same object as in the last call. */
  async keptStatus(): Promise<WorkerInfo[]> {
    return this.loops.infos(await this.cluster?.keptInfos());
  }

  /**
   * Events of runs on this replica, as they happen. An error of a subscriber is logged and has no other effect; a slow
   * subscriber delays the worker, as RxJS calls it synchronously.
   */
  get events$(): Observable<WorkerEvent> {
    return this.events.events$;
  }

  /**
   * Adds the decorated methods that were not added before. `WorkerModule` calls it before `start`, and after lazy loads.
   * @param adopted workers from other sources: decorators of other packages, the framework itself
   * @throws InvalidWorkersError that lists all invalid workers
   */
  discover(adopted: Finding[] = []): void {
    const definitions = this.registry.discover(adopted);
    inRootContext(() => definitions.forEach((definition) => this.add(definition)));
    if (this.cluster) warnOfDefaultNames(definitions, this.logger);
    if (this.discovered) return;
    this.discovered = true;
    warnOfUnknownOverrides(this.options.workers, this.registry.names(), this.logger);
  }

  /**
   * Adds a worker at any time. When the scheduler is running, the worker starts at once.
   * @throws InvalidWorkersError for a bad definition or a name that is taken
   */
  register(worker: Worker): void {
    const definition = this.registry.add(worker);
    inRootContext(() => this.add(definition));
  }

  /**
   * Removes a worker. It stops at once; its name is free when the promise resolves, after its active runs.
   * @throws UnknownWorkerError
   */
  async unregister(name: string): Promise<void> {
    const loop = this.loops.get(name);
    inRootContext(() => this.loops.halt(loop));
    await Promise.all([...loop.executions].map(({ ended }) => ended));
    await loop.settled();
    this.registry.remove(name);
    this.loops.delete(name);
    this.cluster?.forget(name);
  }

  /** Starts all workers and returns at once. Does nothing when they are started, or with the option `run: false`. */
  start(): void {
    if (this.started || this.options.run === false) return;
    this.started = this.everStarted = true;
    inRootContext(() => {
      for (const loop of this.loops.all) this.loops.launch(loop);
      void this.catchUps.of(this.loops.all);
      this.conditions.start();
      for (const begin of this.onStart) begin();
    });
  }

  /**
   * Drains: starts no more runs, waits up to `drain.timeout` for active ones, aborts their signals, and records those
   * active `drain.abortGrace` later as aborted. Then tells the coordination; resolves at `deadline` at the latest.
   */
  async stop(deadline = this.deadline()): Promise<void> {
    this.started = false;
    this.conditions.stop();
    const loops = this.loops.all;
    inRootContext(() => loops.forEach((loop) => this.loops.halt(loop)));
    await drain(
      loops.flatMap(({ executions }) => [...executions]),
      this.clock,
      this.drainTimes,
    );
    await deadline.bound(Promise.all(loops.map((loop) => loop.settled())), SETTLE_WITHIN);
  }

  /** The deadline of a shutdown that begins now. */
  deadline(): Deadline {
    return new Deadline(this.clock, this.drainTimes.deadline);
  }

  get running(): boolean {
    return this.started;
  }

  /** Whether it is not running by configuration: `run: false`, or `autoStart: false` and not started yet. */
  get standby(): boolean {
    return this.options.run === false || (this.options.autoStart === false && !this.everStarted);
  }

  /** Every worker as this replica sees it, ordered by name. */
  workers(): WorkerInfo[] {
    return this.loops.infos();
  }

  /** @internal the names of all workers, ordered */
  get workerNames(): string[] {
    return this.loops.names;
  }

  /** @internal whether this replica has such a worker; `workerByName` has to look at it for that */
  has(name: string): boolean {
    return this.loops.has(name);
  }

  workerByName(name: string): WorkerInfo | undefined {
    return this.loops.info(name);
  }

  /** A worker's definition with defaults, and its schedule in force. @throws UnknownWorkerError */
  describe(name: string): Pick<Loop, 'definition' | 'timing'> {
    return this.loops.get(name);
  }

  /**
   * Runs a worker now, beside its schedule, in the async context of the caller; if its overlap policy queues, after the
   * active run has ended.
   * @param payload its JSON becomes `context.payload` of the run
   * @param by who triggers it: stored with the run
   * @throws UnknownWorkerError, InvalidPayloadError, SchedulerStoppedError; WorkerBusyError if it is active under `skip`
   */
  async trigger(name: string, payload?: unknown, by: ByActor = {}): Promise<RunHandle> {
    const loop = this.loops.get(name);
    const json = jsonPayload(name, payload);
    const scope = callersContext();
    return this.waits.watch(await inRootContext(() => loop.trigger(json, scope, storableActor(by))), loop);
  }

  /**
   * Cancels a run on any replica, on another one within about a second: its signal aborts, and when it ends its outcome
   * is `cancelled`. A waiting run is dropped. Without coordination it only finds runs of this replica, and those of stored schedules.
   * @throws UnknownRunError when no such run is active or waits
   */
  async cancel(runId: string, cancellation: Cancellation = {}): Promise<void> {
    await this.cancels.cancel(runId, storableCancellation(cancellation), this.cluster);
  }

  /** @param cancel ends active runs that have a `key`: those of stored schedules, which no loop has */
  cancelsKeyedBy(cancel: CancelKeyedRun): void {
    this.cancels.keyed = cancel;
  }

  /**
   * Starts no runs for slots and events until `resume`. Drops waiting runs; slots of the pause are neither run nor
   * counted.
   * @param by who pauses it: shown in the worker's `lastChange`
   * @throws UnknownWorkerError
   */
  async pause(name: string, by: ByActor = {}): Promise<void> {
    const loop = this.loops.get(name);
    await inRootContext(() => loop.pause(storableActor(by)));
  }

  /** Continues with the next slot. @throws UnknownWorkerError */
  async resume(name: string, by: ByActor = {}): Promise<void> {
    const loop = this.loops.get(name);
    await inRootContext(() => loop.resume(storableActor(by)));
  }

  /**
   * Gives a worker another interval, cron expression or instant, from now on: until the process ends, or with coordination until the schedule in the code changes.
   * @throws UnknownWorkerError, InvalidScheduleError
   */
  async reschedule(name: string, interval: Worker['interval'], by: ByActor = {}): Promise<void> {
    const loop = this.loops.get(name);
    const timing = checkedTiming(loop.definition, interval);
    await inRootContext(() => loop.reschedule(timing, storableActor(by)));
    inRootContext(() => this.conditions.heed());
  }

  /**
   * The next `count` slots, also while it is not running; fewer if there are fewer, none with spacing `delay`.
   * @throws UnknownWorkerError
   */
  upcoming(name: string, count: number): Date[] {
    return this.loops.get(name).upcoming(count);
  }

  private add(definition: WorkerDefinition): void {
    const loop =
      this.cluster && definition.scope === 'cluster'
        ? this.cluster.loop(definition)
        : new WorkerLoop(definition, this.clock, this.limit, this.executor, this.events, this.conditions);
    this.loops.add(loop);
    this.cluster?.enrollSoon();
    if (!this.started) return;
    this.loops.launch(loop);
    this.conditions.heed();
    this.catchUps.soon(loop);
  }
}
