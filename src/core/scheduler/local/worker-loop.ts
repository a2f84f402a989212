import { type Execution } from '../../execution/execution.js';
import { type RunExecutor, type RunRequest } from '../../execution/run.executor.js';
import { type EndedRun } from '../../history/run.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { Alarm } from '../../timing/alarm.js';
import { type Clock } from '../../timing/clock.js';
import { summaryOf } from '../../text/describe-error.js';
import { type Scope } from '../../timing/root-context.js';
import { type ByActor } from '../../worker/actor.js';
import { type Cancellation } from '../../worker/cancellation.js';
import { type LastChange, type WorkerInfo } from '../../worker/worker-info.js';
import { waitAfter } from '../backoff.js';
import { type ConditionLog } from '../condition-log.js';
import { type Loop, type WaitingRun } from '../loop.js';
import { type RunHandle } from '../run-handle.js';
import { isOfSchedule, retryOf } from './requested-run.js';
import { RunLane } from './run-lane.js';
import { type Passed, RunPlan } from './run-plan.js';
import { noRunYet, runEnded, runStarted } from '../../coordination/status-changes.js';
import { type RunLimit } from '../run-limit.js';
import { SchedulerStoppedError, WorkerBusyError } from '../scheduler.errors.js';
import { upcomingSlots } from '../upcoming.js';
import { type WorkerEvents } from '../worker-events.js';
import { infoOf, isStale } from '../worker-status.js';
import { type Timing } from '../../registry/timing.js';

/**
 * Drives one worker: waits for its slots, offers a run for each to its lane, and keeps count.
 *
 * A timer that fires late (a blocked event loop, a suspended machine) gives one run, for the latest slot; those before it
 * are missed. Slots during a backoff, or refused by the overlap policy, are skipped. A pause has no slots.
 */
export class WorkerLoop implements Loop {
  private readonly lane: RunLane;
  private readonly alarm: Alarm;
  private readonly plan: RunPlan;
  private readonly status = noRunYet();
  private active = false;
  private paused = false;
  private startedAt = 0;
  private lastChange?: LastChange;
  /** Number of runs of its schedule. */
  private begun = 0;

  constructor(
    readonly definition: WorkerDefinition,
    private readonly clock: Clock,
    limit: RunLimit,
    executor: RunExecutor,
    private readonly events: WorkerEvents,
    private readonly conditions: ConditionLog,
  ) {
    this.plan = new RunPlan(definition, clock, (how, count, latest) => this.pass(how, count, latest()));
    this.alarm = new Alarm(clock, () => this.tick(), definition.unref);
    this.lane = new RunLane(definition.name, definition.overlap, limit, {
      execute: (request) => {
        if (isOfSchedule(request)) this.begun++;
        const execution = executor.execute(definition, request);
        runStarted(this.status, execution.run.startedAt.getTime());
        this.events.started(execution.run);
        return execution;
      },
      ended: (run, request) => this.ended(run, request),
      skipped: (request) => this.plan.skip(request),
      isOver: (request) =>
        this.plan.isTooLate(request, clock.now()) || (this.limitReached && isOfSchedule(request)),
      isFree: (runId) => definition.isFree?.(runId) ?? false,
      freed: () => this.arm(),
    });
  }

  get running(): boolean {
    return this.active;
  }

  get executions(): readonly Execution[] {
    return this.lane.active;
  }

  get stale(): boolean {
    return isStale(this.lastSigns());
  }

  /** This replica alone knows the worker's conditions. */
  get speaks(): boolean {
    return true;
  }

  async settled(): Promise<void> {}

  start(): void {
    if (!this.definition.enabled) return;
    this.active = true;
    const now = (this.startedAt = this.plan.start());
    if (this.definition.runOnStart && !this.isOver(now)) {
      const slot = this.timing.schedule?.latest(now);
      this.offer({ trigger: 'schedule', ...(slot !== -Infinity && { slot }), scheduledAt: now });
    }
    this.arm();
  }

  /** Ends ticks, triggers and events, and drops waiting runs. Active runs continue. */
  stop(): void {
    this.active = false;
    this.plan.forget();
    this.alarm.clear();
    this.lane.clear();
  }

  /** Like `stop`, but it can be triggered. Slots of the pause are neither run nor counted. */
  pause(by: ByActor): void {
    if (this.paused) return;
    this.note('paused', by);
    this.plan.undefer();
    this.paused = true;
    this.alarm.clear();
    this.lane.clear();
  }

  resume(by: ByActor): void {
    if (!this.paused) return;
    this.note('resumed', by);
    this.paused = false;
    this.plan.countFromNow();
    this.arm();
  }

  reschedule(timing: Timing, by: ByActor): void {
    this.note('rescheduled', by);
    this.plan.reschedule(timing);
    this.arm();
  }

  /** Runs the latest slot before the start, if it was missed and `catchUp` allows its age. */
  catchUp(lastSlot: number): void {
    if (this.active && !this.definition.runOnStart && this.plan.catchUp(lastSlot, !this.paused)) this.arm();
  }

  /**
   * Runs now, beside the schedule, also while paused.
   * @throws SchedulerStoppedError, WorkerBusyError
   */
  trigger(payload: unknown, scope: Scope, by: ByActor): RunHandle {
    const { name } = this.definition;
    if (!this.active) throw new SchedulerStoppedError(name);
    const handle = this.lane.trigger({ payload, scope, ...by, scheduledAt: this.clock.now() });
    if (handle) return handle;
    throw new WorkerBusyError(name, this.lane.active[0]?.run.id);
  }

  pump(): void {
    this.lane.pump();
  }

  cancel(runId: string, by: Cancellation): 'told' | WaitingRun | undefined {
    const cancelled = this.lane.cancel(runId, by) ?? this.plan.withdraw(runId);
    if (cancelled) this.arm();
    return cancelled;
  }

  /** Runs for an event. */
  happened(event: unknown, scope: Scope): void {
    if (this.active && !this.paused && !this.isOver(this.clock.now()))
      this.offer({ trigger: 'event', payload: event, scope, scheduledAt: this.clock.now() });
  }

  info(): WorkerInfo {
    const { active } = this.lane;
    const [execution] = active;
    const { timing, timeout, running, paused, ended, since, now } = this.lastSigns();
    return infoOf(this.definition, this.status, {
      timing,
      timeout,
      running,
      paused,
      ended,
      since,
      now,
      activeRuns: active.length,
      overdue: active.some(({ overdue }) => overdue),
      consecutiveFailures: this.status.consecutiveFailures,
      begun: this.begun,
      nextRun: this.nextAt(),
      progress: execution?.run.progress,
      holder: execution?.run.replica,
      lastChange: this.lastChange,
    });
  }

  /** Its next slots from now on, whether its loop is running or not. */
  upcoming(count: number): Date[] {
    const most = Math.min(count, this.definition.limit - this.begun);
    return upcomingSlots(this.timing, this.definition, this.clock.now(), most);
  }

  private note(change: LastChange['change'], by: ByActor): void {
    this.lastChange = { change, at: new Date(this.clock.now()), ...by };
  }

  private get limitReached(): boolean {
    return this.begun >= this.definition.limit;
  }

  private isOver(now: number): boolean {
    return this.limitReached || now > this.definition.until;
  }

  /** Whether only a manual trigger can make it run. A waiting retry counts as a run to come. */
  private hasEnded(now: number): boolean {
    if (this.plan.defers || !this.timing.schedule) return false;
    return this.isOver(now) || (this.plan.isEmpty && this.definition.on.length === 0);
  }

  get timing(): Timing {
    return this.plan.timing;
  }

  /** With spacing `delay` the next slot is known only after the run has ended. */
  private get runsSlots(): boolean {
    return !this.limitReached && !(this.plan.delayed && this.lane.busy);
  }

  private nextAt(): number | undefined {
    const waits = this.plan.givesWay && this.lane.busy && this.definition.overlap !== 'allow';
    return this.active && !this.paused && !waits ? this.plan.nextAt(this.runsSlots) : undefined;
  }

  private arm(): void {
    this.plan.follow(this.clock.now(), !this.paused);
    this.setAlarm();
  }

  private setAlarm(): void {
    const at = this.nextAt();
    if (at === undefined) this.alarm.clear();
    else this.alarm.set(at);
  }

  private tick(): void {
    const now = this.clock.now();
    this.plan.follow(now, !this.paused);
    const at = this.nextAt();
    if (at !== undefined && now >= at) {
      const request = this.plan.take(now, this.runsSlots);
      // Before the timers that the run sets: a test with fake timers sees the order of timers at one instant.
      if (this.clock.fake) this.setAlarm();
      if (request) this.offer(request);
    }
    this.setAlarm();
  }

  private offer(request: RunRequest): void {
    if (this.limitReached && isOfSchedule(request)) return;
    if (!this.lane.offer(request)) this.plan.skip(request);
  }

  /** Counts and reports slots that are not run. Those before the start of this process are only reported. */
  private pass(how: Passed, count: number, latest: number | undefined): void {
    if (this.limitReached) return;
    if (how !== 'missed before') this.status[`${how}Count`] += count;
    const event = how === 'skipped' ? 'run.skipped' : 'run.missed';
    this.events.passed(event, this.definition.name, count, latest);
  }

  private ended(run: EndedRun, request: RunRequest): void {
    const before = this.status.consecutiveFailures;
    runEnded(this.status, run, run.endedAt.getTime());
    const after = this.status.consecutiveFailures;
    if (after !== before)
      this.conditions.failures(run.worker, before, after, run.error && summaryOf(run.error));
    this.events.ended(run);
    if (this.active && !this.paused && this.replans(run, request)) this.arm();
  }

  /** Whether the end of a run changes when the next is due. Mostly not, and setting the alarm in vain takes 0.2 µs. */
  private replans(run: EndedRun, request: RunRequest): boolean {
    const { backoff } = this.definition;
    const { plan } = this;
    const { delayed } = plan;
    const now = this.clock.now();
    if (delayed || backoff || plan.defers) plan.follow(now, true);
    if (delayed) plan.countFromNow();
    if (run.outcome === 'succeeded') return plan.succeeded() || delayed;
    if (!backoff || request.trigger === 'manual' || run.outcome === 'cancelled')
      return delayed || plan.defers;
    const at = now + waitAfter(this.status.consecutiveFailures, backoff);
    if (request.slot !== undefined && run.id !== this.lane.newest) plan.deferSlots(at);
    // A request that waited for this run's end is newer than a retry, and now waits for the backoff.
    else plan.defer(at, this.lane.withdraw() ?? retryOf(request, run));
    return true;
  }

  private lastSigns() {
    const { definition, timing, active: running, paused, clock } = this;
    const since = Math.max(this.status.lastEnd ?? 0, this.startedAt);
    const now = clock.now();
    return { timing, timeout: definition.timeout, running, paused, ended: this.hasEnded(now), since, now };
  }
}
