import { randomUUID } from 'node:crypto';
import { RunCancelledError } from '../../execution/execution.errors.js';
import { type Execution } from '../../execution/execution.js';
import { type RunExecutor, type RunRequest } from '../../execution/run.executor.js';
import { type EndedRun } from '../../history/run.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { Alarm } from '../../timing/alarm.js';
import { type Clock } from '../../timing/clock.js';
import { summaryOf } from '../../text/describe-error.js';
import { type Scope } from '../../timing/root-context.js';
import { STEADY } from '../../timing/wall-watch.js';
import { type ByActor } from '../../worker/actor.js';
import { type Cancellation } from '../../worker/cancellation.js';
import { type LastChange, type WorkerInfo } from '../../worker/worker-info.js';
import { waitAfter } from '../backoff.js';
import { type ConditionLog } from '../condition-log.js';
import { catchUpDelay, worthCatchingUp } from '../catch-up.js';
import { type Loop, type WaitingRun } from '../loop.js';
import { type RunHandle, RunHandles } from '../run-handle.js';
import { RunLane } from './run-lane.js';
import { type RunLimit } from '../run-limit.js';
import { RunDroppedError, SchedulerStoppedError, WorkerBusyError } from '../scheduler.errors.js';
import { SlotCursor } from './slot-cursor.js';
import { upcomingSlots } from '../upcoming.js';
import { type WorkerEvents } from '../worker-events.js';
import { WorkerStats } from './worker-stats.js';
import { conditionsOf, isStale, stateOf } from '../worker-status.js';
import { type Timing } from '../../registry/timing.js';

/** A run that is to start at an instant of its own, before any slot: what backs off, or is caught up. */
interface Deferred {
  at: number;
  request: Omit<RunRequest, 'scheduledAt'>;
}

/**
 * Drives one worker: waits for its slots, offers a run for each to its lane, and keeps count.
 *
 * A wake-up that comes late (a blocked event loop, a suspended machine) yields one run, for the latest slot; those
 * before it are missed. Slots that pass while the worker backs off, or that its overlap policy leaves no place, are
 * skipped. Those of a pause do not count.
 */
export class WorkerLoop implements Loop {
  private readonly lane: RunLane;
  private readonly alarm: Alarm;
  private readonly cursor: SlotCursor;
  private readonly stats = new WorkerStats();
  private readonly handles = new RunHandles();
  private active = false;
  private paused = false;
  private startedAt = 0;
  private deferred?: Deferred;
  private lastChange?: LastChange;
  /** Runs of its schedule. */
  private begun = 0;

  constructor(
    readonly definition: WorkerDefinition,
    private readonly clock: Clock,
    limit: RunLimit,
    executor: RunExecutor,
    private readonly events: WorkerEvents,
    private readonly conditions: ConditionLog,
  ) {
    this.cursor = new SlotCursor(definition, clock);
    this.alarm = new Alarm(clock, () => this.tick(), definition.unref);
    this.lane = new RunLane(definition.overlap, limit, {
      execute: (request) => {
        if (isOfSchedule(request)) this.begun++;
        const execution = executor.execute(definition, request);
        this.stats.started(execution.run);
        this.events.started(execution.run);
        return execution;
      },
      ended: (run, request) => this.ended(run, request),
      dropped: (request) => this.drop(request),
      isOver: (request) =>
        this.isTooLate(request, clock.now()) || (this.limitReached && isOfSchedule(request)),
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

  /** Nobody else has this one. */
  get speaks(): boolean {
    return true;
  }

  async settled(): Promise<void> {}

  start(): void {
    if (!this.definition.enabled) return;
    this.active = true;
    const now = this.cursor.startWith(this.timing);
    this.startedAt = now;
    if (this.definition.runOnStart && !this.isOver(now)) {
      const slot = this.timing.schedule?.latest(now);
      this.offer({ trigger: 'schedule', ...(slot !== -Infinity && { slot }), scheduledAt: now });
    }
    this.arm();
  }

  /** No more ticks, triggers and events, and what waits is dropped. Active runs go on. */
  stop(): void {
    this.active = false;
    this.deferred = undefined;
    this.alarm.clear();
    this.lane.clear();
  }

  /** As stop, but it can be triggered, and its slots count for nothing meanwhile. */
  pause(by: ByActor): void {
    if (this.paused) return;
    this.note('paused', by);
    if (this.deferred) this.undefer(this.clock.now());
    this.paused = true;
    this.alarm.clear();
    this.lane.clear();
  }

  resume(by: ByActor): void {
    if (!this.paused) return;
    this.note('resumed', by);
    this.paused = false;
    this.cursor.countFromNow();
    this.arm();
  }

  reschedule(timing: Timing, by: ByActor): void {
    this.note('rescheduled', by);
    this.deferred = undefined;
    this.cursor.startWith(timing);
    this.arm();
  }

  /** Runs the latest slot before the start, if the worker is late with it and that is worth it. */
  catchUp(lastSlot: number): void {
    const { schedule } = this.timing;
    const { runOnStart, name } = this.definition;
    if (!schedule || !this.active || runOnStart) return;
    const slot = schedule.latest(this.startedAt);
    const missed = schedule.count(lastSlot, slot);
    if (missed === 0) return;
    const worthIt = worthCatchingUp(this.timing, this.definition, this.startedAt - slot);
    if (worthIt) this.pass('missed', missed - 1, () => schedule.latest(slot - 1));
    else this.pass('missed', missed, () => slot);
    if (!worthIt || this.deferred || this.paused) return;
    this.followClock(this.clock.now());
    this.deferred = {
      at: this.clock.now() + catchUpDelay(name, schedule, slot),
      request: { trigger: 'catch_up', slot },
    };
    this.arm();
  }

  /**
   * Runs now, beside the schedule, also while paused.
   * @throws SchedulerStoppedError, WorkerBusyError
   */
  trigger(payload: unknown, scope: Scope, by: ByActor): RunHandle {
    const { name } = this.definition;
    if (!this.active) throw new SchedulerStoppedError(name);
    const id = randomUUID();
    const handle = this.handles.make(id);
    const request = { trigger: 'manual', id, payload, scope, ...by, scheduledAt: this.clock.now() } as const;
    if (this.lane.offer(request)) return handle;
    const [current] = this.lane.active;
    throw new WorkerBusyError(name, current?.run.id);
  }

  pump(): void {
    this.lane.pump();
  }

  cancel(runId: string, by: Cancellation): 'told' | WaitingRun | undefined {
    const { name: worker } = this.definition;
    const execution = this.lane.active.find(({ run }) => run.id === runId);
    if (execution) {
      execution.abort(new RunCancelledError(worker, by));
      return 'told';
    }
    const waiting = this.lane.withdrawRun(runId);
    if (!waiting) return undefined;
    this.handles.reject(runId, new RunDroppedError(worker, runId));
    const { trigger, scheduledAt: requestedAt, actor } = waiting;
    return { worker, trigger, requestedAt, ...(actor !== undefined && { actor }) };
  }

  /** Something happened that the worker wants to run for. */
  happened(event: unknown, scope: Scope): void {
    if (this.active && !this.paused && !this.isOver(this.clock.now()))
      this.offer({ trigger: 'event', payload: event, scope, scheduledAt: this.clock.now() });
  }

  info(): WorkerInfo {
    const { definition, timing, lane } = this;
    const [execution] = lane.active;
    const next = this.nextAt();
    const observed = this.observed();
    return {
      name: definition.name,
      ...(definition.description !== undefined && { description: definition.description }),
      ...(definition.group !== undefined && { group: definition.group }),
      interval: timing.interval,
      ...(timing.cron !== undefined && { cron: timing.cron }),
      running: this.active,
      ...this.stats.info(),
      state: stateOf(observed),
      activeRuns: observed.activeRuns,
      ...(definition.until < Infinity && { until: new Date(definition.until) }),
      ...(definition.limit < Infinity && { remainingRuns: definition.limit - this.begun }),
      ...(next !== undefined && { nextRun: new Date(next) }),
      ...(execution?.run.progress && { progress: execution.run.progress }),
      ...(execution && { holder: execution.run.replica }),
      ...(this.lastChange && { lastChange: this.lastChange }),
      critical: definition.critical,
      conditions: conditionsOf(observed),
    };
  }

  /** Its next slots from now on, whether it ticks or not. */
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

  /** Nothing but a trigger makes it run. */
  private isOver(now: number): boolean {
    return this.limitReached || now > this.definition.until;
  }

  /** The same, or there will never be another slot. What is tried again is still to come. */
  private hasEnded(now: number): boolean {
    if (this.deferred || !this.timing.schedule) return false;
    return this.isOver(now) || (this.cursor.next === Infinity && this.definition.on.length === 0);
  }

  get timing(): Timing {
    return this.cursor.timing;
  }

  private nextAt(): number | undefined {
    if (!this.active || this.paused) return undefined;
    if (this.deferred) return this.deferred.at;
    if (this.limitReached) return undefined;
    if (this.cursor.delayed && this.lane.busy) return undefined;
    const { dueAt } = this.cursor;
    return dueAt === Infinity ? undefined : dueAt;
  }

  private arm(): void {
    this.followClock(this.clock.now());
    this.setAlarm();
  }

  private setAlarm(): void {
    const at = this.nextAt();
    if (at === undefined) this.alarm.clear();
    else this.alarm.set(at);
  }

  private tick(): void {
    const now = this.clock.now();
    this.followClock(now);
    const at = this.nextAt();
    if (at !== undefined && now >= at) {
      const { deferred } = this;
      if (deferred) this.runDeferred(deferred, now);
      else if (this.cursor.delayed) this.runDelayed();
      else this.runSlot(now);
    }
    this.setAlarm();
  }

  private followClock(now: number): void {
    const back = this.cursor.setBack();
    if (this.deferred && back > STEADY) this.deferred.at -= back;
    if (this.paused) return;
    this.pass(this.deferred ? 'skipped' : 'missed', this.cursor.follow(now, back));
  }

  private runSlot(now: number): void {
    const passed = this.cursor.pass(now);
    const { slot } = this.cursor;
    this.pass('missed', passed - 1, () => this.timing.schedule!.latest(slot - 1));
    const request = {
      trigger: 'schedule' as const,
      slot,
      scheduledAt: this.timing.schedule!.dueAt(slot),
    };
    if (this.isTooLate(request, now)) this.skip(request);
    else this.offer(request);
  }

  private runDelayed(): void {
    const { next: slot, dueAt: scheduledAt } = this.cursor;
    this.cursor.countFromNow();
    this.offer({ trigger: 'schedule', slot, scheduledAt });
  }

  private runDeferred({ at, request }: Deferred, now: number): void {
    this.deferred = undefined;
    const passed = this.limitReached ? 0 : this.cursor.pass(now);
    if (passed === 0) return this.offer({ ...request, scheduledAt: at });
    // A newer slot takes its place.
    const { slot } = this.cursor;
    this.skip(request);
    this.pass('skipped', passed - 1, () => this.timing.schedule!.latest(slot - 1));
    this.offer({ trigger: 'schedule', slot, scheduledAt: at });
  }

  private offer(request: RunRequest): void {
    if (this.limitReached && isOfSchedule(request)) return;
    if (!this.lane.offer(request)) this.skip(request);
  }

  private skip(request: Pick<RunRequest, 'trigger' | 'slot'>): void {
    // Its slot was run, and failed.
    if (request.trigger === 'retry') return;
    this.pass('skipped', 1, () => request.slot);
  }

  /** Slots that are not run. */
  private pass(how: 'skipped' | 'missed', count: number, latest?: () => number | undefined): void {
    if (count <= 0 || this.limitReached) return;
    this.stats.counts[`${how}Count`] += count;
    this.events.passed(`run.${how}`, this.definition.name, count, latest?.());
  }

  /** Also one that waited for another run to end, or for a place. */
  private isTooLate({ trigger, scheduledAt }: RunRequest, now: number): boolean {
    return trigger === 'schedule' && now - scheduledAt > this.definition.startDeadline;
  }

  private drop(request: RunRequest): void {
    if (request.trigger === 'manual')
      this.handles.reject(request.id!, new RunDroppedError(this.definition.name, request.id!));
    else this.skip(request);
  }

  private ended(run: EndedRun, request: RunRequest): void {
    const { counts } = this.stats;
    const before = counts.consecutiveFailures;
    this.stats.ended(run);
    const after = counts.consecutiveFailures;
    if (after !== before)
      this.conditions.failures(run.worker, before, after, run.error && summaryOf(run.error));
    this.events.ended(run);
    this.handles.resolve(run.id, run);
    if (this.active && !this.paused && this.replans(run, request)) this.arm();
  }

  /** Whether the end of a run changes when the next one is. Mostly not, and to set the alarm in vain takes 0.2 µs. */
  private replans(run: EndedRun, request: RunRequest): boolean {
    const { backoff } = this.definition;
    const { delayed } = this.cursor;
    if (delayed || backoff || this.deferred) this.followClock(this.clock.now());
    if (delayed) this.cursor.countFromNow();
    if (run.outcome === 'succeeded') {
      if (!this.deferred || this.deferred.request.trigger === 'catch_up') return delayed;
      this.undefer(this.clock.now());
      return true;
    }
    if (!backoff || request.trigger === 'manual' || run.outcome === 'cancelled') return delayed;
    const at = this.clock.now() + waitAfter(this.stats.counts.consecutiveFailures, backoff);
    const retry = { ...request, trigger: 'retry' as const, attempt: run.attempt + 1 };
    // What waited for this run to end is newer, and has to wait longer now.
    this.deferred = { at, request: this.lane.withdraw() ?? retry };
    return true;
  }

  /** What was deferred does not take place any more, nor do the slots that have passed meanwhile. */
  private undefer(now: number): void {
    if (this.deferred) this.skip(this.deferred.request);
    this.deferred = undefined;
    this.pass('skipped', this.cursor.pass(now), () => this.cursor.slot);
  }

  private observed() {
    const { active } = this.lane;
    return {
      ...this.lastSigns(),
      activeRuns: active.length,
      overdue: active.some(({ overdue }) => overdue),
      consecutiveFailures: this.stats.counts.consecutiveFailures,
    };
  }

  private lastSigns() {
    const { definition, timing, active: running, paused, clock } = this;
    const since = Math.max(this.stats.lastEnd ?? 0, this.startedAt);
    const now = clock.now();
    return { timing, timeout: definition.timeout, running, paused, ended: this.hasEnded(now), since, now };
  }
}

/** Retries, triggers and events are not. */
function isOfSchedule({ trigger }: Pick<RunRequest, 'trigger'>): boolean {
  return trigger === 'schedule' || trigger === 'catch_up';
}
