import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { type Finding } from '../registry/worker-explorer.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { Alarm } from '../timing/alarm.js';
import { Clock } from '../timing/clock.js';
import { WORKER_OPTIONS, type WorkerModuleOptions } from '../worker-module.options.js';
import { adoptedOptions } from './adopted-worker.js';
import { HandlersRunTwiceError } from './adoption.errors.js';
import { ForeignScheduleModules } from './foreign-schedule-modules.js';
import { CALLED, ScheduleExplorer, type ScheduleHandler } from './schedule-explorer.js';
import { type CronMetadata, type ScheduleKind } from './schedule-metadata.js';
import { timerHandle } from './timer-handle.js';
import { WorkerCronJob } from './worker-cron-job.js';
import { WorkerSchedulerRegistry } from './worker-scheduler.registry.js';

const KINDS: readonly ScheduleKind[] = ['cronJobs', 'intervals', 'timeouts'];

/** A handler, and its names: that of its worker, and that of its entry in the `SchedulerRegistry`. */
interface Adopted {
  readonly handler: ScheduleHandler;
  readonly worker: string;
  readonly entry: string;
  job?: WorkerCronJob;
}

/**
 * Makes workers of the methods that `@nestjs/schedule`'s decorators are on, so that `WorkerModule` can take the place
 * of `ScheduleModule`. Each has an entry in the `SchedulerRegistry`, and what is done to that is done to the worker.
 */
@Injectable()
export class Adoption implements OnModuleInit {
  private readonly logger = new Logger('Workers');
  private adopted: Adopted[] = [];
  private readonly delays: Alarm[] = [];
  private closing = false;

  constructor(
    @Inject(WORKER_OPTIONS) private readonly options: WorkerModuleOptions,
    @Inject(Clock) private readonly clock: Clock,
    private readonly explorer: ScheduleExplorer,
    private readonly foreign: ForeignScheduleModules,
    private readonly scheduler: Scheduler,
    private readonly registry: WorkerSchedulerRegistry,
  ) {}

  /**
   * Here nothing has started: `ScheduleModule` does so in `onApplicationBootstrap`.
   * @throws HandlersRunTwiceError
   */
  onModuleInit(): void {
    const { scheduleModule } = this.options;
    const wanted = this.wanted();
    const free = wanted.filter((kind) => this.foreign.runners(kind).length === 0);
    const handlers = this.explorer.explore(scheduleModule === 'ignore' ? free : wanted);
    const twice = handlers.filter(({ metadata }) => !free.includes(metadata.kind));
    if (twice.length > 0) {
      const importers = twice.flatMap(({ metadata }) => this.foreign.runners(metadata.kind));
      throw new HandlersRunTwiceError(
        [...new Set(importers)],
        twice.map(({ source }) => source),
      );
    }
    this.adopted = named(handlers);
  }

  /** Says which handlers have come with a module that was loaded lazily: `ScheduleModule` would not run them either. */
  warnOfNew(): void {
    for (const { source, module, metadata } of this.explorer.explore(this.wanted()))
      this.logger.warn(
        `The ${CALLED[metadata.kind]} ${source} does not run: its module, ${module}, is loaded lazily, and handlers of ` +
          '@nestjs/schedule are looked for at the start. Those of ctrlplane-workers run',
      );
  }

  private wanted(): ScheduleKind[] {
    return KINDS.filter((kind) => this.options.adopt?.[kind] !== false);
  }

  /** For the scheduler to check and add. */
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
          problem: `the name "${entry}" is taken by ${other.handler.source}: give one of them another`,
        };
      return {
        source,
        module,
        worker: {
          ...adoptedOptions(metadata),
          name: worker,
          run: (context) => (adopted.job ? adopted.job.tick(context, call) : call()),
        },
      };
    });
  }

  /** Fills the `SchedulerRegistry`, once the scheduler has the workers. */
  mount(): void {
    for (const adopted of this.adopted) {
      const { handler, worker, entry } = adopted;
      const remove = this.remover(worker);
      if (handler.metadata.kind === 'cronJobs') this.mountCronJob(adopted, handler.metadata.cron, remove);
      else {
        const handle = timerHandle(remove);
        if (handler.metadata.kind === 'intervals') this.registry.addInterval(entry, handle);
        else this.registry.addTimeout(entry, handle);
        this.registry.own(handle, remove);
      }
    }
  }

  /** Empties the registry, jobs of the application's own included; the workers are left to the drain. */
  unmount(): void {
    this.closing = true;
    for (const alarm of this.delays) alarm.clear();
    this.registry.clear();
  }

  private mountCronJob(adopted: Adopted, cron: CronMetadata, remove: () => void): void {
    const { worker, entry } = adopted;
    const job = (adopted.job = new WorkerCronJob(this.scheduler, worker, cron));
    this.registry.addCronJob(entry, job);
    this.registry.own(job, remove);
    if (this.scheduler.upcoming(worker, 1).length === 0)
      this.logger.warn(`Cron job "${worker}" does not run: ${String(cron.cronTime)} has passed`);
    const { disabled, initialDelay = 0 } = cron;
    if (disabled || initialDelay > 0) void job.stop();
    if (!disabled && initialDelay > 0) this.startAfter(initialDelay, entry, job);
  }

  private startAfter(delay: number, entry: string, job: WorkerCronJob): void {
    const at = this.clock.now() + delay;
    const alarm = new Alarm(this.clock, () => {
      if (this.clock.now() < at) alarm.set(at);
      // It may have been deleted meanwhile, and another one added under its name.
      else if (this.registry.getCronJobs().get(entry) === job) job.start();
    });
    alarm.set(at);
    this.delays.push(alarm);
  }

  /** What takes the worker away when its entry is deleted or cleared, however often that is said. */
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

/**
 * Handlers without a name are `Class.method`, and several may be: classes of one name in several modules. So may a cron
 * job and an interval, each with entries of its own. Workers have one namespace: the second becomes `name#2`.
 */
function named(handlers: ScheduleHandler[]): Adopted[] {
  const taken = new Set<string>();
  return handlers.map((handler) => {
    const name = handler.metadata.name ?? handler.source;
    let worker = name;
    for (let i = 2; taken.has(worker); i++) worker = `${name}#${i}`;
    taken.add(worker);
    return { handler, worker, entry: handler.metadata.name ?? worker };
  });
}
