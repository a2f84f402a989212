import { type Abstract, type INestApplicationContext, type ModuleMetadata, type Type } from '@nestjs/common';
import { type TestingModule, type TestingModuleBuilder } from '@nestjs/testing';
import { filter, firstValueFrom } from 'rxjs';
import { DRIVEN_RUNS, type DrivenRuns } from '../execution/driven-runs.js';
import { type EndedRun, type Run } from '../history/run.js';
import { RunRecorder } from '../history/run.recorder.js';
import { Isolation } from '../isolation/isolation.js';
import { UnknownWorkerError } from '../registry/worker.errors.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { type WorkerEvent } from '../scheduler/worker-events.js';
import { Clock } from '../timing/clock.js';
import { type Duration } from '../timing/duration.js';
import { type WorkerInfo } from '../worker/worker-info.js';
import { ManualClock } from './manual-clock.js';
import { NoKeyError, NothingDueError, NoWorkerModuleError, RunSkippedError } from './testing.errors.js';

/** What `WorkerTestHarness.create` may be told. All may be left out. */
export interface WorkerTestHarnessOptions<App extends INestApplicationContext = TestingModule> {
  /** Overrides providers: `(builder) => builder.overrideProvider(Mailer).useValue(mailer)`. */
  override?(builder: TestingModuleBuilder): unknown;
  /**
   * Makes the application from the module: `(module) => module.createNestApplication()` for HTTP. It is initialized
   * afterwards. Default: the module itself.
   */
  application?(module: TestingModule): App | Promise<App>;
  /** Default: a new one, at 2026-01-01T00:00:00Z. */
  clock?: ManualClock | undefined;
}

/** Default limit of `runs`. */
const LATEST = 100;

/**
 * An application whose clock only the test moves: its workers run when the test moves time, isolated ones in the main
 * thread. For any test runner; needs `@nestjs/testing`.
 *
 * ```ts
 * const harness = await WorkerTestHarness.create({ imports: [AppModule] });
 * const run = await harness.runNext('usage_reporter');
 * await harness.close();
 * ```
 */
export class WorkerTestHarness<App extends INestApplicationContext = TestingModule> {
  private readonly seen: WorkerEvent[] = [];
  /** Events of runs since the start, oldest first. */
  readonly events: readonly WorkerEvent[] = this.seen;
  private readonly scheduler: Scheduler;
  private readonly driven: DrivenRuns | undefined;

  private constructor(
    readonly app: App,
    readonly clock: ManualClock,
  ) {
    this.scheduler = schedulerOf(app);
    this.driven = drivenOf(app);
    this.scheduler.events$.subscribe((event) => this.seen.push(event));
  }

  /**
   * Builds and starts an application.
   * @param metadata metadata of its module; one of its modules imports `WorkerModule.forRoot()`
   * @throws NoWorkerModuleError, and errors of the application's start
   */
  static async create<App extends INestApplicationContext = TestingModule>(
    metadata: ModuleMetadata,
    { override, application, clock = new ManualClock() }: WorkerTestHarnessOptions<App> = {},
  ): Promise<WorkerTestHarness<App>> {
    // An optional peer dependency, which the rest of the testing kit does not need.
    const { Test } = await import('@nestjs/testing');
    const builder = Test.createTestingModule(metadata)
      .overrideProvider(Clock)
      .useValue(clock)
      .overrideProvider(Isolation)
      .useValue(new Isolation({ isolation: false }, clock));
    override?.(builder);
    const module = await builder.compile();
    const app = application ? await application(module) : (module as INestApplicationContext as App);
    // Before the start, which may already run workers.
    const harness = new WorkerTestHarness(app, clock);
    await app.init();
    return harness;
  }

  /** A provider of any module of the application. */
  get<T>(token: Type<T> | Abstract<T> | string | symbol): T {
    return this.app.get<T>(token as Type<T>, { strict: false });
  }

  /**
   * Moves time on, and fires everything that becomes due, in order: `ManualClock.advance`. A run that waits for a
   * database or another process may still be active then; `idle` waits for it. To have a run at every slot, use `runNext`
   * for each.
   */
  advance(duration: Duration): Promise<void> {
    return this.clock.advance(duration);
  }

  /**
   * Moves time on to the worker's next run, and waits for its end, without a time limit. Everything that becomes due
   * before runs too. A run that waits for the clock only ends when time moves: call `advance` before awaiting the result.
   *
   * With a key: the same for that stored schedule of a handler with `@Scheduled`, until its result is stored. In a database,
   * whose time no test moves, its next run is brought forward to now instead.
   * @returns the run's record, also when it failed
   * @throws UnknownWorkerError, NothingDueError, RunSkippedError, NoKeyError, UnknownScheduleError
   */
  async runNext(worker: string, key?: string): Promise<EndedRun> {
    if (this.driven?.has(worker)) return this.runNextOf(this.driven, worker, key);
    const { nextRun, state } = this.worker(worker);
    if (!nextRun) throw new NothingDueError(worker, state);
    const due = nextRun.getTime();
    const from = this.seen.length;
    while (this.isDue(worker, due)) {
      const ahead = due - this.clock.now();
      // When the wall clock was set past it, the worker notices within a minute.
      await this.clock.advance(ahead > 0 ? ahead : 1_000);
    }

    const started = (event: WorkerEvent) => event.type === 'run.started' && isFor(event.run, worker, due);
    const skipped = (event: WorkerEvent) => event.type === 'run.skipped' && event.worker === worker;
    const since = this.seen.slice(from);
    const event =
      since.find(started) ??
      since.find(skipped) ??
      (await this.next((other) => started(other) || skipped(other)));
    if (!('run' in event)) throw new RunSkippedError(worker, nextRun);
    return this.endOf(event.run);
  }

  /**
   * Runs a worker now, beside its schedule, and waits for the end.
   * @param payload its JSON becomes `context.payload` of the run. Of a handler of stored schedules: the key of one of them
   * @returns its record, also when it failed
   * @throws what `Scheduler.trigger` throws, and `RunDroppedError`, NoKeyError, UnknownScheduleError
   */
  async run(worker: string, payload?: unknown): Promise<EndedRun> {
    if (this.driven?.has(worker)) return this.runNow(this.driven, worker, payload);
    return (await this.scheduler.trigger(worker, payload)).ended;
  }

  /** Resolves when no run is active, and results of stored schedules are stored, without a time limit. It does not move time. */
  async idle(): Promise<void> {
    for (let [run] = this.active(); run; [run] = this.active()) await this.endOf(run);
    if (this.driven) await this.settled(this.driven);
  }

  /** Every worker, ordered by name. */
  workers(): WorkerInfo[] {
    return this.scheduler.workers();
  }

  /** @throws UnknownWorkerError */
  worker(name: string): WorkerInfo {
    const info = this.scheduler.workerByName(name);
    if (info) return info;
    throw new UnknownWorkerError(
      name,
      this.workers().map((worker) => worker.name),
    );
  }

  /**
   * Runs of the history, newest first.
   * @param worker default: all workers
   * @param limit 1 to 1000; default 100
   */
  runs(worker?: string, limit = LATEST): Promise<Run[]> {
    return this.get(RunRecorder).find({ worker, limit });
  }

  /**
   * Drains the workers and closes the application. Active runs get the drain's time by the clock, which this moves:
   * a run that waits for anything else is aborted. To let it end, await `idle` before.
   */
  async close(): Promise<void> {
    const stopped = this.scheduler.stop();
    while (this.active().some(({ key }) => key === undefined)) await this.clock.advance('1s');
    await stopped;
    // Stored schedules drain as the application closes.
    let closed = false;
    const closing = this.app.close().finally(() => (closed = true));
    while (!closed && this.active().length > 0) await this.clock.advance('1s');
    await closing;
  }

  private async runNextOf(driven: DrivenRuns, handler: string, key: string | undefined): Promise<EndedRun> {
    if (key === undefined) throw new NoKeyError(handler);
    const active = this.active().find((run) => run.worker === handler && run.key === key);
    if (active) await this.endOf(active);
    await this.settled(driven);
    const from = this.seen.length;
    const { ahead, state } = await driven.next(handler, key);
    if (ahead === undefined) throw new NothingDueError(handler, state, key);
    await this.clock.advance(ahead);
    return this.startedOf(driven, handler, key, from);
  }

  private async runNow(driven: DrivenRuns, handler: string, key: unknown): Promise<EndedRun> {
    if (typeof key !== 'string') throw new NoKeyError(handler);
    const from = this.seen.length;
    await driven.trigger(handler, key);
    return this.startedOf(driven, handler, key, from);
  }

  /** The end of the first run of that schedule among the events from there on. */
  private async startedOf(driven: DrivenRuns, handler: string, key: string, from: number): Promise<EndedRun> {
    const started = (event: WorkerEvent): event is WorkerEvent & { run: Run } =>
      event.type === 'run.started' && event.run.worker === handler && event.run.key === key;
    await driven.look();
    // Instants of a database are rounded up, to the millisecond.
    await this.clock.advance(1);
    const event = this.seen.slice(from).find(started) ?? (await this.next(started));
    const run = await this.endOf((event as WorkerEvent & { run: Run }).run);
    await this.settled(driven);
    return run;
  }

  /** The results of runs that have ended are stored. */
  private async settled(driven: DrivenRuns): Promise<void> {
    await this.clock.advance(0);
    await driven.settled();
  }

  /** The active runs, except those that a drain has abandoned. */
  private active(): Run[] {
    return this.seen.flatMap((event) =>
      event.type === 'run.started' && !event.run.endedAt ? [event.run] : [],
    );
  }

  private isDue(worker: string, due: number): boolean {
    const { nextRun } = this.worker(worker);
    return nextRun !== undefined && nextRun.getTime() <= due;
  }

  private async endOf(run: Run): Promise<EndedRun> {
    // The live record of the run: its end is reported by `run.succeeded` and the other events.
    if (!run.endedAt) await this.next((event) => 'run' in event && event.run === run);
    return run as EndedRun;
  }

  private next(match: (event: WorkerEvent) => boolean): Promise<WorkerEvent> {
    return firstValueFrom(this.scheduler.events$.pipe(filter(match)));
  }
}

/** Whether the run was due then: not a triggered one or an event's. */
function isFor({ worker, trigger, scheduledAt }: Run, name: string, due: number): boolean {
  return worker === name && trigger !== 'manual' && trigger !== 'event' && scheduledAt.getTime() >= due;
}

/** Undefined in an application without stored schedules. */
function drivenOf(app: INestApplicationContext): DrivenRuns | undefined {
  try {
    return app.get<DrivenRuns>(DRIVEN_RUNS, { strict: false });
  } catch {
    return undefined;
  }
}

function schedulerOf(app: INestApplicationContext): Scheduler {
  try {
    return app.get(Scheduler, { strict: false });
  } catch {
    throw new NoWorkerModuleError();
  }
}
