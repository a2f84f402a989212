import { type Subscription } from 'rxjs';
import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { inChild } from '../isolation/in-child.js';
import { type Finding } from '../registry/worker-explorer.js';
import { IS_FREE, LOGS_ITS_ERRORS } from '../registry/worker-definition.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { Alarm } from '../timing/alarm.js';
import { Clock } from '../timing/clock.js';
import { WORKER_OPTIONS } from '../worker/module-options.token.js';
import { type AdoptionOptions } from './adoption.options.js';
import { type RunContext } from '../worker/run-context.js';
import { adoptedOptions } from './adopted-worker.js';
import { HandlersRunTwiceError } from './adoption.errors.js';
import { ForeignScheduleModules } from './foreign-schedule-modules.js';
import { CALLED, ScheduleExplorer, type ScheduleHandler } from './schedule-explorer.js';
import { type CronMetadata, type ScheduleKind } from './schedule-metadata.js';
import { NOT_OVERRIDDEN, ORCHESTRATOR } from './overridden.js';
import { timerHandle } from './timer-handle.js';
import { WorkerCronJob } from './worker-cron-job.js';
import { WorkerSchedulerRegistry } from './worker-scheduler.registry.js';

/** Characters. Less than the limit of a worker's name, so that a suffix such as `#2` fits. */
const LONGEST_ADOPTED_NAME = 190;

/** In the order in which `ScheduleModule` starts them: handlers that are due at one instant run in this order. */
const KINDS: readonly ScheduleKind[] = ['timeouts', 'intervals', 'cronJobs'];

/** What messages of `SchedulerRegistry` call its entries. */
const ENTRY: Record<ScheduleKind, string> = {
  timeouts: 'Timeout',
  intervals: 'Interval',
  cronJobs: 'Cron Job',
};

/** A handler, with the names of its worker and of its entry in the `SchedulerRegistry`. */
interface Adopted {
  readonly handler: ScheduleHandler;
  worker: string;
  readonly entry: string;
  job?: WorkerCronJob;
}

/**
 * Makes a worker of each method that `@nestjs/schedule` decorates, so that `WorkerModule` can replace
 * `ScheduleModule`. Each has an entry in the `SchedulerRegistry`; a change to the entry changes the worker.
 */
@Injectable()
export class Adoption implements OnModuleInit {
  private readonly logger = new Logger('Workers');
  private adopted: Adopted[] = [];
  private readonly delays: Alarm[] = [];
  private closing = false;
  private events?: Subscription;

  constructor(
    @Inject(WORKER_OPTIONS) private readonly options: AdoptionOptions,
    @Inject(Clock) private readonly clock: Clock,
    private readonly explorer: ScheduleExplorer,
    private readonly foreign: ForeignScheduleModules,
    private readonly scheduler: Scheduler,
    private readonly registry: WorkerSchedulerRegistry,
    /**
     * The same object as `registry`, unless a test has overridden the provider: then the one that the application
     * injects.
     */
    private readonly visible: SchedulerRegistry,
    @Inject(ORCHESTRATOR) private readonly orchestrator: unknown,
  ) {}

  /**
   * In this hook nothing has started: `ScheduleModule` starts its handlers in `onApplicationBootstrap`.
   * @throws HandlersRunTwiceError
   */
  onModuleInit(): void {
    const { scheduleModule } = this.options;
    const wanted = this.wanted();
    const free = wanted.filter((kind) => this.foreign.runners(kind).length === 0);
    const ignored = scheduleModule === 'ignore' && !inChild();
    const handlers = this.explorer.explore(ignored ? free : wanted);
    const twice = handlers.filter(({ metadata }) => !free.includes(metadata.kind));
    if (twice.length > 0) {
      const importers = twice.flatMap(({ metadata }) => this.foreign.runners(metadata.kind));
      throw new HandlersRunTwiceError(
        [...new Set(importers)],
        twice.map(({ source }) => source),
      );
    }
    if (this.orchestrator === NOT_OVERRIDDEN) this.adopted = byKind(named(handlers));
    else if (handlers.length > 0)
      this.logger.log(
        `SchedulerOrchestrator is overridden: ${handlers.length} handlers of @nestjs/schedule's decorators do not run`,
      );
  }

  /** Warns of handlers in lazily loaded modules. `ScheduleModule` would not run them either. */
  warnOfNew(): void {
    for (const { source, module, metadata } of this.explorer.explore(this.wanted()))
      this.logger.warn(
        `The ${CALLED[metadata.kind]} ${source} does not run: its module, ${module}, is loaded lazily, and handlers of ` +
          '@nestjs/schedule are looked for at the start. Those of ctrlplane-workers run',
      );
  }

  private wanted(): ScheduleKind[] {
    // In the thread or process of an isolated worker they would run a second time.
    return KINDS.filter((kind) => inChild() || this.options.adopt?.[kind] !== false);
  }

  /** The workers for the scheduler to add, or the problem of a handler that cannot be one. */
  workers(): Finding[] {
    return this.adopted.map((adopted, index) => {
      const { handler, worker, entry } = adopted;
      const { source, module, metadata, call } = handler;
      const other = this.adopted
        .slice(0, index)
        .find((before) => before.entry === entry && before.handler.metadata.kind === metadata.kind);
      if (other)
        return {
          source,
          module,
          problem: `${ENTRY[metadata.kind]} with the given name (${entry}) already exists. It is ${other.handler.source}: give one of them another name`,
        };
      return {
        source,
        module,
        worker: {
          ...adoptedOptions(metadata),
          [LOGS_ITS_ERRORS]: true,
          name: worker,
          [IS_FREE]: (runId: string) => adopted.job?.isFree(runId) ?? false,
          run: (context: RunContext) => (adopted.job ? adopted.job.tick(context) : call().outcome),
        },
      };
    });
  }

  /** Fills the `SchedulerRegistry`. Call it after the scheduler has the workers. */
  mount(): void {
    for (const adopted of this.adopted) {
      const { handler, worker, entry } = adopted;
      if (handler.metadata.kind === 'cronJobs') this.mountCronJob(adopted, handler.metadata.cron);
      else {
        const remove = this.remover(worker);
        const handle = timerHandle(remove);
        const add = handler.metadata.kind === 'intervals' ? 'addInterval' : 'addTimeout';
        this.registry[add](entry, handle);
        if (this.visible !== this.registry) this.visible[add]?.(entry, handle);
        if (Number.isNaN(handler.metadata.ms))
          this.logger.warn(`Timeout "${worker}": its length is no number, so it runs after a millisecond`);
        this.registry.own(handle, remove);
      }
    }
    if (this.adopted.some(({ job }) => job?.waitForCompletion)) this.events = this.tellSkipped();
  }

  /** Empties the registry, including jobs that the application added. The drain ends the workers. */
  unmount(): void {
    this.closing = true;
    this.events?.unsubscribe();
    for (const alarm of this.delays) alarm.clear();
    this.registry.clear();
  }

  private mountCronJob(adopted: Adopted, cron: CronMetadata): void {
    const { worker, entry, handler } = adopted;
    const register = (): string => this.registerAgain(adopted);
    const job = new WorkerCronJob(this.scheduler, worker, handler.call, register, cron);
    adopted.job = job;
    this.registry.addCronJob(entry, job);
    if (this.visible !== this.registry) this.visible.addCronJob?.(entry, job);
    this.own(job, worker);
    if (this.scheduler.upcoming(worker, 1).length === 0)
      this.logger.warn(`Cron job "${worker}" does not run: ${String(cron.cronTime)} has passed`);
    const { disabled } = cron;
    const initialDelay = Number(cron.initialDelay ?? 0);
    if (disabled || initialDelay > 0) void job.stop();
    if (!disabled && initialDelay > 0) this.startAfter(initialDelay, entry, job);
  }

  private startAfter(delay: number, entry: string, job: WorkerCronJob): void {
    const at = this.clock.now() + delay;
    const alarm = new Alarm(this.clock, () => {
      if (this.clock.now() < at) alarm.set(at);
      // The job may have been deleted, and another one added under its name.
      else if (this.registry.getCronJobs().get(entry) === job) job.start();
    });
    alarm.set(at);
    this.delays.push(alarm);
  }

  /** Registers a deleted job again when it is started, under its current name in the registry if it has one there. */
  private registerAgain(adopted: Adopted): string {
    const job = adopted.job!;
    const [entry = adopted.entry] = [...this.registry.getCronJobs()].find(([, other]) => other === job) ?? [];
    const worker = freeName(
      storableName(entry) ?? adopted.handler.source,
      (name) => !!this.scheduler.workerByName(name),
    );
    const again = {
      ...adoptedOptions(adopted.handler.metadata),
      [LOGS_ITS_ERRORS]: true,
      [IS_FREE]: (runId: string) => job.isFree(runId),
      name: worker,
      interval: job.interval,
      run: (context: RunContext) => job.tick(context),
    };
    this.scheduler.register(again);
    adopted.worker = worker;
    this.own(job, worker);
    return worker;
  }

  private own(job: WorkerCronJob, worker: string): void {
    const remove = this.remover(worker);
    this.registry.own(job, () => {
      job.detach();
      remove();
    });
  }

  private tellSkipped(): Subscription {
    return this.scheduler.events$.subscribe((event) => {
      if (event.type !== 'run.skipped' || !event.slot) return;
      this.adopted.find(({ worker }) => worker === event.worker)?.job?.skipped(event.slot);
    });
  }

  /** Returns a function that unregisters the worker when its entry is deleted or cleared. Further calls do nothing. */
  private remover(worker: string): () => void {
    let removed = false;
    return () => {
      if (removed || this.closing) return;
      removed = true;
      // It rejects when the worker is gone already.
      this.scheduler.unregister(worker).catch(() => {});
    };
  }
}

function byKind(adopted: readonly Adopted[]): Adopted[] {
  return KINDS.flatMap((kind) => adopted.filter(({ handler }) => handler.metadata.kind === kind));
}

/**
 * Names the workers. A handler without a name gets `Class.method`, which classes in several modules may share. A cron
 * job and an interval may also have one name, as the registry has entries per kind. Workers have one namespace: the
 * second becomes `name#2`.
 */
function named(handlers: ScheduleHandler[]): Adopted[] {
  const taken = new Set<string>();
  return handlers.map((handler) => {
    const { name } = handler.metadata;
    const worker = freeName((name && storableName(name)) ?? handler.source, (other) => taken.has(other));
    taken.add(worker);
    return { handler, worker, entry: name ?? worker };
  });
}

function freeName(name: string, taken: (name: string) => boolean): string {
  let free = name;
  for (let i = 2; taken(free); i++) free = `${name}#${i}`;
  return free;
}

/**
 * `@nestjs/schedule` takes any text as a name. Turns it into a valid name of a worker; undefined when nothing is
 * left.
 */
function storableName(name: string): string | undefined {
  return name.replaceAll('\0', '').slice(0, LONGEST_ADOPTED_NAME).toWellFormed().trim() || undefined;
}
