import { Logger } from '@nestjs/common';
import { CronJob, CronTime } from 'cron';
import { type Scheduler } from '../scheduler/scheduler.js';
import { WorkerBusyError } from '../scheduler/scheduler.errors.js';
import { type RunContext } from '../worker/run-context.js';
import { type WorkerInfo } from '../worker/worker-info.js';
import { cronInterval } from './adopted-worker.js';
import { type CronMetadata } from './schedule-metadata.js';
import { classAndMessageOf } from '../text/describe-error.js';

type DateTime = ReturnType<CronJob['nextDate']>;

/**
 * What `SchedulerRegistry.getCronJob` gives for an adopted handler: a `CronJob` of the `cron` package that has no
 * timer of its own. It shows the worker, and whatever is done to it is done to the worker.
 */
export class WorkerCronJob extends CronJob {
  private readonly logger = new Logger('Workers');
  /** The active run, or the last one. */
  private latest?: Promise<unknown>;
  /** Name of the worker, which need not be that of the job; undefined after the job was deleted, until it is started again. */
  private worker: string | undefined;

  /**
   * @param handler what it runs
   * @param register makes a worker of it and returns its name
   */
  constructor(
    private readonly scheduler: Scheduler,
    worker: string,
    private readonly handler: () => Promise<unknown>,
    private readonly register: (job: WorkerCronJob) => string,
    { cronTime, name, timeZone, utcOffset, unrefTimeout, waitForCompletion, threshold }: CronMetadata,
  ) {
    super(
      cronTime as string,
      () => {},
      null,
      false,
      timeZone as string,
      undefined,
      false,
      utcOffset as unknown as null,
      unrefTimeout,
      waitForCompletion,
      null,
      name,
      threshold,
    );
    this.worker = worker;
  }

  /** Runs the handler, and what was added by `addCallback`: the body of the worker. */
  async tick(context?: RunContext): Promise<unknown> {
    if (context?.slot) this.lastExecution = context.startedAt;
    const run = this.handler();
    this.latest = run.catch(() => {});
    await super.fireOnTick();
    return run;
  }

  /** One of its times at which it did not run, as a run was active. */
  skipped(slot: Date): void {
    this.lastExecution = slot;
  }

  /** Its worker is taken away. */
  detach(): void {
    this.worker = undefined;
  }

  override get isActive(): boolean {
    return this.info?.nextRun !== undefined;
  }

  override get isCallbackRunning(): boolean {
    return (this.info?.activeRuns ?? 0) > 0;
  }

  override start(): void {
    if (this.worker !== undefined) this.act(this.scheduler.resume(this.worker));
    else this.worker = this.register(this);
  }

  /** @returns with `waitForCompletion`, a promise that resolves when the active run has ended */
  override stop(): Promise<void> | undefined {
    if (this.info) this.act(this.scheduler.pause(this.info.name));
    return this.waitForCompletion ? Promise.resolve(this.latest).then(() => {}) : undefined;
  }

  override setTime(time: CronTime): void {
    if (!(time instanceof CronTime)) throw new TypeError('setTime: give a CronTime of the package "cron"');
    this.cronTime = time;
    this.runOnce ||= time.realDate;
    if (this.worker !== undefined) this.act(this.scheduler.reschedule(this.worker, this.interval));
  }

  /** What its `cronTime` says, for our scheduler. */
  get interval(): ReturnType<typeof cronInterval> {
    const { source: cronTime, timeZone, utcOffset } = this.cronTime;
    return cronInterval({ cronTime, timeZone, utcOffset });
  }

  override nextDate(): DateTime {
    // With none left, that of the package throws, as its users expect.
    return this.nextDates(1)[0] ?? super.nextDate();
  }

  override nextDates(count = 0): DateTime[] {
    if (this.worker === undefined) return super.nextDates(count);
    // Luxon takes minutes ahead of UTC for a zone; its types do not say so.
    const zone = (this.cronTime.timeZone ?? this.cronTime.utcOffset) as string;
    return this.scheduler
      .upcoming(this.worker, count)
      .map((date) => (new CronTime(date).source as DateTime).setZone(zone));
  }

  /** Runs it now, also while it is stopped. Resolves when the run has begun; with `waitForCompletion`, has ended. */
  override async fireOnTick(): Promise<void> {
    if (this.worker === undefined) {
      const run = this.tick().catch(() => {});
      if (this.waitForCompletion) await run;
      return;
    }
    try {
      const { ended } = await this.scheduler.trigger(this.worker);
      if (this.waitForCompletion) await ended;
    } catch (error) {
      // With `waitForCompletion` one at a time: the package says nothing either.
      if (!(error instanceof WorkerBusyError)) throw error;
    }
  }

  private get info(): WorkerInfo | undefined {
    return this.worker === undefined ? undefined : this.scheduler.workerByName(this.worker);
  }

  private act(done: Promise<void>): void {
    done.catch((error: unknown) =>
      this.logger.error(`Cron job "${this.name ?? this.worker}": ${classAndMessageOf(error)}`),
    );
  }
}
