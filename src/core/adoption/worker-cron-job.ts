import { Logger } from '@nestjs/common';
import { CronJob, CronTime } from 'cron';
import { type Scheduler } from '../scheduler/scheduler.js';
import { WorkerBusyError } from '../scheduler/scheduler.errors.js';
import { type RunContext } from '../worker/run-context.js';
import { type WorkerInfo } from '../worker/worker-info.js';
import { cronInterval } from './adopted-worker.js';
import { type CronMetadata } from './schedule-metadata.js';
import { type Begun } from './schedule-seam.js';
import { classAndMessageOf } from '../text/describe-error.js';

/** Longest list of `recent`: more runs than can end before the scheduler learns of the end of the first. */
const MOST_RECENT = 10;

function callHandler(this: WorkerCronJob): Promise<void> {
  return this.call();
}

type DateTime = ReturnType<CronJob['nextDate']>;

/**
 * What `SchedulerRegistry.getCronJob` gives for an adopted handler: a `CronJob` of the `cron` package that has no
 * timer of its own. It shows the state of the worker, and its methods act on the worker.
 */
export class WorkerCronJob extends CronJob {
  private readonly logger = new Logger('Workers');
  /** The active run, or the last one. */
  private latest?: Promise<unknown>;
  /** With `waitForCompletion`, ids of the runs that have begun, the latest first. */
  private recent: readonly string[] = [];
  private begun?: Begun;
  /** Name of the worker, which may differ from the job's; undefined from its deletion until it is started again. */
  private worker: string | undefined;

  /**
   * @param handler what it runs
   * @param register makes a worker of it and returns its name
   */
  constructor(
    private readonly scheduler: Scheduler,
    worker: string,
    private readonly handler: () => Begun,
    private readonly register: (job: WorkerCronJob) => string,
    { cronTime, name, timeZone, utcOffset, unrefTimeout, waitForCompletion, threshold }: CronMetadata,
  ) {
    super(
      cronTime as string,
      // The package calls it with the job as `this`.
      callHandler as () => Promise<void>,
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

  /** The body of the worker: runs the handler and the callbacks added by `addCallback`. */
  async tick(context?: RunContext): Promise<unknown> {
    if (context?.slot) this.lastExecution = context.startedAt;
    if (this.waitForCompletion && context)
      this.recent = [context.runId, ...this.recent].slice(0, MOST_RECENT);
    // The package ignores a tick during a tick; by configuration, the worker may have an overlap policy that runs it.
    const ticked = this.isTicking ? this.call() : super.fireOnTick();
    const { outcome } = this.begun!;
    this.latest = outcome.catch(() => {});
    await ticked;
    return outcome;
  }

  /** Calls the handler. Resolves as soon as it has settled. */
  call(): Promise<void> {
    this.begun = this.handler();
    return this.begun.settled;
  }

  /** Whether the callbacks of that run have ended. The scheduler learns of it a few microtasks later. */
  isFree(runId: string): boolean {
    return this.recent.includes(runId) && !this.isTicking;
  }

  private get isTicking(): boolean {
    return this.waitForCompletion && super.isCallbackRunning;
  }

  /** Notes a slot that was skipped because a run was active. */
  skipped(slot: Date): void {
    this.lastExecution = slot;
  }

  /** The worker has been unregistered. */
  detach(): void {
    this.worker = undefined;
  }

  override get isActive(): boolean {
    return this.info?.nextRun !== undefined;
  }

  override get isCallbackRunning(): boolean {
    if (this.recent.length > 0) return this.isTicking;
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
    // With none left, the package's own method throws, as its users expect.
    return this.nextDates(1)[0] ?? super.nextDate();
  }

  override nextDates(count = 0): DateTime[] {
    if (this.worker === undefined) return super.nextDates(count);
    // Luxon also accepts the minutes ahead of UTC as a zone; its types do not say so.
    const zone = (this.cronTime.timeZone ?? this.cronTime.utcOffset) as string;
    return this.scheduler
      .upcoming(this.worker, count)
      .map((date) => (new CronTime(date).source as DateTime).setZone(zone));
  }

  /**
   * Runs it now, also while it is stopped. Resolves when the run has begun; with `waitForCompletion`, when it has
   * ended.
   */
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
      // With `waitForCompletion` one run at a time: the package reports no error either.
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
