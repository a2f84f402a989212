import { type RunRequest } from '../../execution/run.executor.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type Timing } from '../../registry/timing.js';
import { type Clock } from '../../timing/clock.js';
import { STEADY } from '../../timing/wall-watch.js';
import { catchUpDelay, worthCatchingUp } from '../catch-up.js';
import { type WaitingRun } from '../loop.js';
import { isOf, waitingRun } from './requested-run.js';
import { SlotCursor } from './slot-cursor.js';

/** A run that starts at an instant of its own, before any slot: after a backoff, or to catch up. */
interface Deferred {
  at: number;
  /** Undefined: only slots wait until `at`. */
  request: Omit<RunRequest, 'scheduledAt'> | undefined;
}

/** Why slots are not run; `missed before`: before the worker was started here. */
export type Passed = 'skipped' | 'missed' | 'missed before';

/**
 * Called with slots that are not run.
 * @param latest the last of them
 */
export type OnPassed = (how: Passed, count: number, latest: () => number | undefined) => void;

/**
 * Which run of one worker is due next, and when: for a slot, or a deferred one, which a newer slot replaces. Each
 * slot is handled once: it is either given out by `take` or reported as passed.
 */
export class RunPlan {
  private readonly cursor: SlotCursor;
  private deferred?: Deferred;
  private startedAt = 0;

  constructor(
    private readonly definition: WorkerDefinition,
    private readonly clock: Clock,
    private readonly passed: OnPassed,
  ) {
    this.cursor = new SlotCursor(definition, clock);
  }

  get timing(): Timing {
    return this.cursor.timing;
  }

  /** Whether the interval counts from the end of a run (spacing `delay`). */
  get delayed(): boolean {
    return this.cursor.delayed;
  }

  get defers(): boolean {
    return this.deferred?.request !== undefined;
  }

  /**
   * Whether the deferred run is a retry or an event's: then it waits for an active run, which is newer, instead of
   * being skipped or cancelling that run.
   */
  get givesWay(): boolean {
    const trigger = this.deferred?.request?.trigger;
    return trigger === 'retry' || trigger === 'event';
  }

  /** Whether there will be no slot any more, and nothing is deferred. */
  get isEmpty(): boolean {
    return !this.defers && this.cursor.next === Infinity;
  }

  /**
   * Counts slots from now on.
   * @returns now
   */
  start(): number {
    return (this.startedAt = this.cursor.startWith(this.timing));
  }

  reschedule(timing: Timing): void {
    this.undefer();
    this.cursor.startWith(timing);
  }

  /** Slots up to now are neither run nor counted. */
  countFromNow(): void {
    this.cursor.countFromNow();
  }

  /**
   * When the next run is due; undefined when there is none.
   * @param slots whether runs for slots may begin
   */
  nextAt(slots: boolean): number | undefined {
    if (this.deferred?.request) return this.deferred.at;
    if (!slots) return undefined;
    const { dueAt } = this.cursor;
    return dueAt === Infinity ? undefined : Math.max(dueAt, this.deferred?.at ?? dueAt);
  }

  /** Whether a run of the schedule has waited longer than `startDeadline` for another run or for a place. */
  isTooLate({ trigger, scheduledAt }: Pick<RunRequest, 'trigger' | 'scheduledAt'>, now: number): boolean {
    return trigger === 'schedule' && now - scheduledAt > this.definition.startDeadline;
  }

  /**
   * Call it when a run is due.
   * @returns what to run; undefined when it is too late for it
   */
  take(now: number, slots: boolean): RunRequest | undefined {
    if (this.deferred?.request) return this.takeDeferred(this.deferred.at, this.deferred.request, now, slots);
    const waited = this.deferred !== undefined;
    this.deferred = undefined;
    if (this.delayed) {
      const { next: slot, dueAt: scheduledAt } = this.cursor;
      this.cursor.countFromNow();
      return { trigger: 'schedule', slot, scheduledAt };
    }
    const passed = this.cursor.pass(now);
    const { slot } = this.cursor;
    this.pass(waited ? 'skipped' : 'missed', passed - 1, () => this.before(slot));
    return this.inTime(slot, now);
  }

  /** Reports the slot of a run that does not take place. */
  skip({ trigger, slot }: Pick<RunRequest, 'trigger' | 'slot'>): void {
    // The slot of a retry was run, and its run failed.
    if (trigger !== 'retry') this.pass('skipped', 1, () => slot);
  }

  defer(at: number, request: Deferred['request']): void {
    this.deferred = { at, request };
  }

  /** Slots and the deferred run wait until then: a run has failed beside which a newer slot has begun. */
  deferSlots(at: number): void {
    this.deferred = { at, request: this.deferred?.request };
  }

  /** Withdraws a retry of that run. Slots still wait for the end of the backoff. */
  withdraw(runId: string): WaitingRun | undefined {
    const { at, request } = this.deferred ?? {};
    if (!request || at === undefined || !isOf(request, runId)) return undefined;
    this.deferred = { at, request: undefined };
    return waitingRun(this.definition.name, { ...request, scheduledAt: at });
  }

  /** Drops what is deferred, without reporting it. */
  forget(): void {
    this.deferred = undefined;
  }

  /** Drops what is deferred, and reports it and the slots that have passed meanwhile as skipped. */
  undefer(): void {
    if (!this.deferred) return;
    if (this.deferred.request) this.skip(this.deferred.request);
    this.deferred = undefined;
    this.pass('skipped', this.cursor.pass(this.clock.now()), () => this.cursor.slot);
  }

  /**
   * After a run has succeeded: drops a retry, and ends the backoff.
   * @returns whether anything was deferred
   */
  succeeded(): boolean {
    if (!this.deferred || this.deferred.request?.trigger === 'catch_up') return false;
    this.undefer();
    return true;
  }

  /**
   * Plans a run for the latest slot before the start, if it was missed and `catchUp` allows its age.
   * @param lastSlot the last slot that was run, milliseconds since the epoch
   * @param runs whether the worker may run now
   * @returns whether there is something to run
   */
  catchUp(lastSlot: number, runs: boolean): boolean {
    const { schedule } = this.timing;
    if (!schedule) return false;
    const slot = schedule.latest(this.startedAt);
    const missed = schedule.count(lastSlot, slot);
    if (missed === 0) return false;
    const worthIt = worthCatchingUp(this.timing, this.definition, this.startedAt - slot);
    if (worthIt) this.pass('missed before', missed - 1, () => this.before(slot));
    else this.pass('missed before', missed, () => slot);
    if (!worthIt || this.deferred || !runs) return false;
    const now = this.clock.now();
    this.follow(now, true);
    this.defer(now + catchUpDelay(this.definition.name, schedule, slot), { trigger: 'catch_up', slot });
    return true;
  }

  /**
   * Adapts to a wall clock that was set.
   * @param counts whether slots that pass are counted
   */
  follow(now: number, counts: boolean): void {
    const back = this.cursor.setBack();
    if (this.deferred && back > STEADY) this.deferred.at -= back;
    if (!counts) return;
    this.pass(this.deferred ? 'skipped' : 'missed', this.cursor.follow(now, back), () => undefined);
  }

  private takeDeferred(
    at: number,
    request: Omit<RunRequest, 'scheduledAt'>,
    now: number,
    slots: boolean,
  ): RunRequest | undefined {
    this.deferred = undefined;
    const passed = slots ? this.cursor.pass(now) : 0;
    if (passed === 0) return { ...request, scheduledAt: at };
    // A newer slot takes its place.
    const { slot } = this.cursor;
    this.skip(request);
    this.pass('skipped', passed - 1, () => this.before(slot));
    return this.inTime(slot, now);
  }

  private inTime(slot: number, now: number): RunRequest | undefined {
    const request = { trigger: 'schedule' as const, slot, scheduledAt: this.timing.schedule!.dueAt(slot) };
    if (!this.isTooLate(request, now)) return request;
    this.skip(request);
    return undefined;
  }

  private before(slot: number): number {
    return this.timing.schedule!.latest(slot - 1);
  }

  private pass(how: Passed, count: number, latest: () => number | undefined): void {
    if (count > 0) this.passed(how, count, latest);
  }
}
