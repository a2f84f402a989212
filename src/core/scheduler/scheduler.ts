import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Observable } from 'rxjs';
import { RunExecutor } from '../execution/run.executor.js';
import { RunRecorder } from '../history/run.recorder.js';
import { warnOfDefaultNames } from '../registry/default-names.js';
import { storeTiming } from '../registry/stored-timing.js';
import { WorkerRegistry } from '../registry/worker.registry.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { type Finding } from '../registry/worker-explorer.js';
import { leaseTime } from '../registry/worker-rules.js';
import { UnknownWorkerError } from '../registry/worker.errors.js';
import { Clock } from '../timing/clock.js';
import { type Duration } from '../timing/duration.js';
import { callersContext, inRootContext, type Scope } from '../timing/root-context.js';
import { type ByActor, storableActor } from '../worker/actor.js';
import { type Cancellation, storableCancellation } from '../worker/cancellation.js';
import { jsonPayload } from '../worker/payload.js';
import { type Worker } from '../worker/worker.js';
import { type WorkerInfo } from '../worker/worker-info.js';
import { WORKER_OPTIONS } from '../worker/module-options.token.js';
import { type RegistryOptions } from '../registry/registry.options.js';
import { type SchedulerOptions } from './scheduler.options.js';
import { Cluster, type CoordinationStatus } from './cluster/cluster.js';
import { ConditionLog } from './condition-log.js';
import { Deadline, drain, drainTimes, type DrainTimes } from './drain.js';
import { eventRefused, EventSources } from './event-sources.js';
import { cancelledRun } from './cancelled-run.js';
import { type Loop } from './loop.js';
import { type RunHandle } from './run-handle.js';
import { RunLimit } from './run-limit.js';
import { RunWaits } from './run-waits.js';
import { InvalidScheduleError, UnknownRunError } from './scheduler.errors.js';
import { type WorkerEvent, WorkerEvents } from './worker-events.js';
import { WorkerLoop } from './local/worker-loop.js';
import { messageOf } from '../text/describe-error.js';
import { type Timing, timingOf } from '../registry/timing.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** What has ended by then is told to the others; what is not is found by its silence. */
const SETTLE_WITHIN = 5_000;

/** A loop and what ends its subscriptions. */
interface Entry {
  loop: Loop;
  unsubscribe?(): void;
}

/** Drives all workers of this replica. Started and drained by `WorkerModule`; the rest is for its users. */
@Injectable()
export class Scheduler {
  private readonly logger = new Logger('Workers');
  private readonly entries = new Map<string, Entry>();
  private readonly drainTimes: DrainTimes;
  private readonly limit: RunLimit;
  private readonly waits: RunWaits;
  private readonly conditions: ConditionLog;
  private readonly cluster?: Cluster;
  /** Registered while it ticks, and not caught up yet. */
  private readonly behind: Entry[] = [];
  private catchingUp?: Promise<void>;
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
    private readonly sources: EventSources,
  ) {
    recorder.whenLost((run) => events.ended(run));
    executor.whenOverdue((run) => events.overdue(run));
    this.drainTimes = drainTimes(options.drain);
    this.limit = new RunLimit(options.maxConcurrentRuns);
    this.waits = new RunWaits(this.limit);
    const loops = () => [...this.entries.values()].map(({ loop }) => loop);
    this.conditions = new ConditionLog(loops, clock, this.logger);
    if (options.coordination)
      this.cluster = new Cluster(
        options.coordination,
        clock,
        recorder.replica.id,
        {
          executor,
          recorder,
          events,
          limit: this.limit,
          conditions: this.conditions,
          lease: leaseOption(options.lease),
        },
        {
          active: () =>
            [...this.entries.values()].flatMap(({ loop }) => loop.executions.map(({ run }) => run.id)),
          cancel: (runId, by) => void this.cancelHere(runId, by),
        },
      );
  }

  /** Makes the coordination ready, if there is one. Rejects when it cannot be. `WorkerModule` does so before it starts. */
  async open(): Promise<void> {
    await inRootContext(() => this.cluster?.open());
  }

  /** After the last `stop`. */
  async close(): Promise<void> {
    await this.cluster?.close();
  }

  /** How the coordination does; undefined without. */
  get coordination(): CoordinationStatus | undefined {
    return this.cluster?.status;
  }

  /**
   * Every worker as the cluster sees it, by name; this replica's own where there is no coordination, or the worker has
   * the scope `replica`. Rejects when the coordination cannot be reached.
   */
  async status(): Promise<WorkerInfo[]> {
    const shared = await this.cluster?.infos();
    return this.workers().map((info) => shared?.get(info.name) ?? info);
  }

  /**
   * What happens to runs, as it happens, on this replica. A subscriber that fails is logged and harms nobody; one
   * that is slow keeps the worker waiting, as RxJS calls it in place.
   */
  get events$(): Observable<WorkerEvent> {
    return this.events.events$;
  }

  /**
   * Adds the decorated methods of the application that it does not have yet. `WorkerModule` does so before it starts, and
   * after each lazy load of a module.
   * @param adopted workers that come from elsewhere: other decorators than ours, the framework itself
   * @throws InvalidWorkersError that lists all bad ones
   */
  discover(adopted: Finding[] = []): void {
    const definitions = this.registry.discover(adopted);
    inRootContext(() => definitions.forEach((definition) => this.add(definition)));
    if (this.cluster) warnOfDefaultNames(definitions, this.logger);
    if (this.discovered) return;
    this.discovered = true;
    for (const name of Object.keys(this.options.workers ?? {}))
      if (!this.entries.has(name))
        this.logger.warn(
          `options.workers names "${name}", and no worker has that name: ${this.registry.names().join(', ')}`,
        );
  }

  /**
   * Adds a worker at any time; it ticks at once when the scheduler is started.
   * @throws InvalidWorkersError for a bad definition or a name that is taken
   */
  register(worker: Worker): void {
    const definition = this.registry.add(worker);
    inRootContext(() => this.add(definition));
  }

  /**
   * Takes a worker away. It ticks no more at once; its name is free again when the promise resolves, which is
   * when the runs of it that were on have ended.
   * @throws UnknownWorkerError
   */
  async unregister(name: string): Promise<void> {
    const entry = this.entry(name);
    inRootContext(() => this.halt(entry));
    await Promise.all([...entry.loop.executions].map(({ ended }) => ended));
    await entry.loop.settled();
    this.registry.remove(name);
    this.entries.delete(name);
    this.cluster?.forget(name);
  }

  /** Starts all workers and returns at once. Starting twice does nothing, nor does it with the option `run: false`. */
  start(): void {
    if (this.started || this.options.run === false) return;
    this.started = this.everStarted = true;
    inRootContext(() => {
      for (const entry of this.entries.values()) this.launch(entry);
      void this.catchUp([...this.entries.values()]);
      this.conditions.start();
    });
  }

  /**
   * Drains: ticks no more, lets runs end up to `drain.timeout`, then aborts their signals, and records what has
   * not ended `drain.abortGrace` later as aborted. Resolves then, at the latest.
   */
  async stop(deadline = this.deadline()): Promise<void> {
    this.started = false;
    this.conditions.stop();
    inRootContext(() => {
      for (const entry of this.entries.values()) this.halt(entry);
    });
    const loops = [...this.entries.values()].map(({ loop }) => loop);
    await drain(
      loops.flatMap(({ executions }) => [...executions]),
      this.clock,
      this.drainTimes,
    );
    await deadline.bound(Promise.all(loops.map((loop) => loop.settled())), SETTLE_WITHIN);
  }

  /** Of a shutdown that begins now. */
  deadline(): Deadline {
    return new Deadline(this.clock, this.drainTimes.deadline);
  }

  /** Whether it ticks. */
  get running(): boolean {
    return this.started;
  }

  /** Whether it does not tick because it was told so: `run: false`, or `autoStart: false` and not started yet. */
  get standby(): boolean {
    return this.options.run === false || (this.options.autoStart === false && !this.everStarted);
  }

  /** Every worker as this replica sees it, by name. */
  workers(): WorkerInfo[] {
    return [...this.entries.values()]
      .map(({ loop }) => loop.info())
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  workerByName(name: string): WorkerInfo | undefined {
    return this.entries.get(name)?.loop.info();
  }

  /**
   * Runs a worker now, beside its schedule, in the async context of the caller; or when the active one has ended, if
   * its overlap policy queues.
   * @param payload handed to the run as `context.payload`, by way of JSON
   * @param by who triggers it: kept with the run
   * @throws UnknownWorkerError
   * @throws InvalidPayloadError
   * @throws WorkerBusyError while a run of it is on and its overlap policy is `skip`
   * @throws SchedulerStoppedError
   */
  async trigger(name: string, payload?: unknown, by: ByActor = {}): Promise<RunHandle> {
    const { loop } = this.entry(name);
    const json = jsonPayload(name, payload);
    const scope = callersContext();
    return this.waits.watch(await inRootContext(() => loop.trigger(json, scope, storableActor(by))), loop);
  }

  /**
   * Ends a run, on whichever replica of the cluster it is: its signal aborts, and when it ends its outcome is `cancelled`. One
   * that waits is taken away. Without coordination only runs of this replica are found. On another replica it takes up to a
   * second.
   * @throws UnknownRunError when no such run is on or waits
   */
  async cancel(runId: string, cancellation: Cancellation = {}): Promise<void> {
    const by = storableCancellation(cancellation);
    if (this.cancelHere(runId, by)) return;
    if (!this.cluster || !UUID.test(runId)) throw new UnknownRunError(runId);
    const { known, dropped } = await this.cluster.cancel(runId, by);
    if (dropped)
      this.recorder.record(cancelledRun(runId, dropped, by, this.recorder.replica, this.clock.now()));
    if (known) return;
    const [run] = await this.recorder.find({ id: runId, limit: 1 });
    if (run?.outcome !== 'running') throw new UnknownRunError(runId);
  }

  private cancelHere(runId: string, by: Cancellation): boolean {
    return inRootContext(() => {
      for (const { loop } of this.entries.values()) {
        const cancelled = loop.cancel(runId, by);
        if (!cancelled) continue;
        if (cancelled !== 'told')
          this.recorder.record(cancelledRun(runId, cancelled, by, this.recorder.replica, this.clock.now()));
        return true;
      }
      return false;
    });
  }

  /**
   * Ticks no more and hears no events until `resume`. What waits is dropped; an active run goes on; `trigger`
   * still runs it. Slots of the pause count for nothing.
   * @param by who pauses it: `lastChange` of the worker says so
   * @throws UnknownWorkerError
   */
  async pause(name: string, by: ByActor = {}): Promise<void> {
    const { loop } = this.entry(name);
    await inRootContext(() => loop.pause(storableActor(by)));
  }

  /** Goes on with the next slot. @throws UnknownWorkerError */
  async resume(name: string, by: ByActor = {}): Promise<void> {
    const { loop } = this.entry(name);
    await inRootContext(() => loop.resume(storableActor(by)));
  }

  /**
   * Gives a worker another interval, cron expression or instant, from now on: until the process ends, or with coordination until the schedule in the code changes.
   * @throws UnknownWorkerError, InvalidScheduleError
   */
  async reschedule(name: string, interval: Worker['interval'], by: ByActor = {}): Promise<void> {
    const { loop } = this.entry(name);
    const timing = checkedTiming(loop.definition, interval);
    await inRootContext(() => loop.reschedule(timing, storableActor(by)));
    inRootContext(() => this.conditions.heed());
  }

  /**
   * When its next slots are, whether it ticks or not; fewer if there are not this many, none with spacing `delay`.
   * @throws UnknownWorkerError
   */
  upcoming(name: string, count: number): Date[] {
    return this.entry(name).loop.upcoming(count);
  }

  private add(definition: WorkerDefinition): void {
    const loop =
      this.cluster && definition.scope === 'cluster'
        ? this.cluster.loop(definition)
        : new WorkerLoop(definition, this.clock, this.limit, this.executor, this.events, this.conditions);
    const entry: Entry = { loop };
    this.entries.set(definition.name, entry);
    this.cluster?.enrollSoon();
    if (!this.started) return;
    this.launch(entry);
    this.conditions.heed();
    if (!(loop instanceof WorkerLoop)) return;
    this.behind.push(entry);
    this.catchingUp ??= this.catchUpBehind().finally(() => (this.catchingUp = undefined));
  }

  /** Those that are registered in one turn, or while the history is asked for others, are asked for together. */
  private async catchUpBehind(): Promise<void> {
    await undefined;
    while (this.behind.length > 0) await this.catchUp(this.behind.splice(0));
  }

  private launch(entry: Entry): void {
    const { loop } = entry;
    const { name, on } = loop.definition;
    loop.start();
    if (!loop.running || on.length === 0) return;
    if (this.sources.empty)
      this.logger.warn(
        `"${name}" runs on ${on.join(', ')}, and no EventSource is there to tell: add one to EventSources`,
      );
    entry.unsubscribe = this.sources.subscribe(on, (event) => this.happened(loop, event, callersContext()));
  }

  private happened(loop: Loop, event: unknown, scope: Scope): void {
    try {
      const payload = jsonPayload(loop.definition.name, event);
      inRootContext(() => loop.happened(payload, scope));
    } catch (error) {
      this.logger.error(eventRefused(error as Error));
    }
  }

  private halt(entry: Entry): void {
    entry.unsubscribe?.();
    entry.loop.stop();
  }

  /** Beside the start, which waits for no database. */
  private async catchUp(entries: Entry[]): Promise<void> {
    try {
      // The others of the cluster have a record that says it.
      const loops = entries.flatMap(({ loop }) =>
        loop instanceof WorkerLoop && !countsFromStart(loop.definition) ? [loop] : [],
      );
      if (loops.length === 0) return;
      const timings = new Map(
        loops.map(({ definition }) => [definition.name, storeTiming(definition.every, definition)]),
      );
      const lastSlots = await this.recorder.lastSlots([...timings.keys()], timings);
      for (const loop of loops) {
        const lastSlot = lastSlots.get(loop.definition.name);
        if (lastSlot) loop.catchUp(lastSlot.getTime());
      }
    } catch (error) {
      this.logger.error(
        `Missed slots cannot be caught up, as the history cannot be read: ${messageOf(error)}`,
      );
    }
  }

  private entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (!entry) throw new UnknownWorkerError(name, this.registry.names());
    return entry;
  }
}

/** A delay from the start of the process: of another process it says nothing, so nothing of it was missed. */
function countsFromStart({ every }: WorkerDefinition): boolean {
  return typeof every === 'object' && 'after' in every;
}

function checkedTiming(
  { name, jitter, spacing, until }: WorkerDefinition,
  interval: Worker['interval'],
): Timing {
  try {
    return timingOf(name, interval, jitter, spacing, until);
  } catch (error) {
    throw new InvalidScheduleError(name, messageOf(error));
  }
}

function leaseOption(lease: Duration | undefined): number | undefined {
  try {
    return leaseTime(lease);
  } catch (error) {
    throw new RangeError(`lease: ${messageOf(error)}`);
  }
}
