import { type Claim, type Release } from '../../coordination/coordinator.js';
import { type RequestedRun, type WorkerRecord } from '../../coordination/worker-record.js';
import { timingFor } from '../../registry/stored-timing.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { catchUpDelay, worthCatchingUp } from '../catch-up.js';
import { type Timing } from '../../registry/timing.js';
import { WaitingRequests } from './waiting-requests.js';

/** What a replica would claim: a slot or a request. */
export type Target = { readonly slot: number } | { readonly request: RequestedRun };

const SHORTEST_JUMP = 1_000;

/**
 * What a replica knows of a worker, and what it would therefore claim, and when. It may be out of date: then the claim is
 * refused, and the answer has the current record. All instants are by the coordinator's clock.
 */
export class ClusterView {
  /** The requests that wait. */
  readonly requests = new WaitingRequests();
  private current: WorkerRecord;
  private read: Timing & Pick<WorkerDefinition, 'spacing'>;
  /** The last slot whose claim was refused. */
  private tried = -Infinity;
  /** Until when another run holds the lease. */
  private heldUntil = -Infinity;
  /** Slots up to this one were missed by all replicas before this one started, and are not caught up. */
  private floor = -Infinity;
  private catchUpAt = -Infinity;

  /** @param startedAt when this replica began to claim for the worker */
  constructor(
    private readonly definition: WorkerDefinition,
    record: WorkerRecord,
    readonly startedAt: number,
  ) {
    this.current = record;
    this.read = timingFor(definition, record.timing);
    this.start();
  }

  get record(): WorkerRecord {
    return this.current;
  }

  get timing(): Timing & Pick<WorkerDefinition, 'spacing'> {
    return this.read;
  }

  /** Takes an answer of the coordinator. */
  learn(record: WorkerRecord): void {
    if (record.paused) this.requests.dropDeferred();
    if (record.timing !== this.current.timing) {
      this.requests.dropDeferred();
      this.read = timingFor(this.definition, record.timing);
      this.tried = -Infinity;
      this.floor = -Infinity;
    }
    // The refusal was for a run that has ended. Slots may come again when the clock is set back.
    if (record.fencing !== this.current.fencing) this.tried = -Infinity;
    this.current = record;
    this.heldUntil = record.leaseUntil ?? -Infinity;
  }

  /** Takes a record of a pulse or a look, which may be older than the known one. */
  overhear(record: WorkerRecord): void {
    const { fencing, revision } = this.current;
    if (record.fencing >= fencing || record.revision > revision) this.learn(record);
  }

  /** Takes a refusal because a run is active: the target has to wait, or is passed over. */
  refusedAsHeld(target: Target, until: number): void {
    this.heldUntil = until;
    if ('slot' in target) this.tried = target.slot;
  }

  /** Takes a grant: its run is the newest. */
  granted(target: Target): void {
    if ('request' in target) this.requests.drop(target.request.id);
    else if (target.slot !== this.current.slot) this.requests.dropDeferred();
  }

  /** Takes a release; call it after `learn`. @param request the request that its run served */
  given(release: Release, request: RequestedRun | undefined): void {
    const { paused, attempt, notBefore } = this.current;
    if (!paused) this.requests.ended(release, request && { ...request, attempts: attempt }, notBefore);
  }

  /** What to claim now: a request, or else a slot. A newer slot comes before a request that waited for a backoff. */
  wanted(now: number): Target | undefined {
    const free = now >= this.heldUntil;
    const request = free ? this.requests.plain : undefined;
    if (request) return { request };
    const slot = this.wantedSlot(now);
    // With spacing `delay` the interval counts from the end of the retry, so there is no newer slot.
    const deferred = free && (!slot || this.read.spacing === 'delay') ? this.requests.due(now) : undefined;
    return deferred ? { request: deferred } : slot;
  }

  private wantedSlot(now: number): { slot: number } | undefined {
    const { paused, notBefore = -Infinity } = this.current;
    if (paused || notBefore > now) return undefined;
    const owed = this.isOwed && now >= (this.current.leaseUntil ?? now);
    if (this.limitReached) return owed ? { slot: this.current.slot } : undefined;
    if (owed && this.read.spacing === 'delay') return { slot: this.current.slot };
    if (this.jumpedBack(now)) return { slot: this.latestDue(now) };
    const due = this.latestDue(now);
    if (due > Math.max(this.current.slot, this.missedUntil(now), this.skippedUntil)) {
      const caughtUp = due > this.startedAt || now >= this.catchUpAt || now < this.startedAt;
      const again = owed || (this.queues && now >= this.heldUntil);
      if (caughtUp && (due > this.passedOver(now) || again)) return { slot: due };
      if (!caughtUp) return undefined;
    } else if (owed) return { slot: this.current.slot };
    return undefined;
  }

  /** When there may be something to claim; undefined when only a change by others can lead to that. */
  nextAt(now: number): number | undefined {
    const { paused, slot, notBefore = -Infinity, leaseUntil = -Infinity } = this.current;
    const times: number[] = [];
    const asked = this.requests.nextAt;
    if (asked !== undefined) times.push(Math.max(this.heldUntil, asked));
    if (!paused && this.limitReached) {
      if (this.isOwed) times.push(Math.max(leaseUntil, notBefore));
    } else if (!paused) {
      const last = Math.max(slot, this.missedUntil(now), this.passedOver(now), this.skippedUntil);
      // A worker without a schedule before has no last slot: then the latest one counts.
      const next = this.nextSlot(last > -Infinity ? last : this.latestDue(now) - 1);
      if (next < Infinity) {
        const due = this.dueAt(next);
        times.push(Math.max(due, notBefore, next <= this.startedAt ? this.catchUpAt : due));
      }
      const waiting = this.queues && this.latestDue(now) > Math.max(slot, this.missedUntil(now));
      if (waiting) times.push(Math.max(this.heldUntil, notBefore));
      if (this.isOwed) times.push(Math.max(leaseUntil, notBefore));
    }
    return times.length > 0 ? Math.max(Math.min(...times), now) : undefined;
  }

  /** The part of a claim for the target that follows from the record. */
  claimOf(target: Target): Pick<Claim, 'fencing' | 'from' | 'target' | 'missed' | 'skipped' | 'resetAhead'> {
    const { fencing, slot: from } = this.current;
    const expected = { fencing, from };
    if ('request' in target)
      return { ...expected, target: { request: target.request.id }, missed: 0, skipped: 0 };
    const { slot } = target;
    const ahead = this.aheadBy;
    return {
      ...expected,
      target: { slot },
      ...this.between(from, slot),
      ...(ahead !== undefined && { resetAhead: ahead }),
    };
  }

  /** Counts of the slots between: those during a backoff, or during a run that the next one waited for, are skipped. */
  between(from: number, slot: number): { missed: number; skipped: number } {
    const { notBefore = -Infinity, status } = this.current;
    const busyUntil = this.definition.overlap === 'allow' ? -Infinity : (status.lastEnd ?? -Infinity);
    const all = Math.max(0, this.count(from, slot) - 1);
    const skipped = Math.min(all, Math.max(0, this.count(from, Math.max(notBefore, busyUntil))));
    return { missed: all - skipped, skipped };
  }

  /** Whether a slot is later than `startDeadline`. It does not apply to catch-ups and retries. */
  isTooLate(target: Target, now: number): boolean {
    if (!('slot' in target) || this.definition.startDeadline === Infinity) return false;
    const { slot } = target;
    const attempt = slot === this.current.slot ? (this.current.owed ?? 1) : 1;
    return (
      this.triggerOf(slot, attempt) === 'schedule' && now - this.dueAt(slot) > this.definition.startDeadline
    );
  }

  /**
   * The stored slot lies more than an interval ahead: the coordinator's clock jumped back, and nothing would run until
   * that time comes again. The latest slot by the clock is claimed instead.
   */
  jumpedBack(now: number): boolean {
    const ahead = this.aheadBy;
    return ahead !== undefined && this.current.slot - now > ahead;
  }

  /** The trigger of a run for that slot. */
  triggerOf(slot: number, attempt: number): 'schedule' | 'retry' | 'catch_up' {
    if (attempt > 1) return 'retry';
    return slot <= this.startedAt && this.catchUpAt > -Infinity ? 'catch_up' : 'schedule';
  }

  /** Each grant changes the token, so a claim with the known token also has the known count. */
  get limitReached(): boolean {
    return this.current.begun >= this.definition.limit;
  }

  /** Whether only a manual trigger can make it run. */
  isOver(now: number): boolean {
    return this.limitReached || now > this.definition.until;
  }

  /** `isOver`, or there will never be another slot. What is owed still has to run. */
  hasEnded(now: number): boolean {
    if (!this.read.schedule || this.isOwed || this.requests.deferred) return false;
    if (this.isOver(now)) return true;
    return !this.current.paused && this.definition.on.length === 0 && this.nextAt(now) === undefined;
  }

  /** When the run for that slot was due. */
  dueAt(slot: number): number {
    return this.read.schedule!.dueAt(slot);
  }

  /** The last slot of the schedule that is due; with spacing `delay`, the next slot if it is due. */
  latestDue(now: number): number {
    const { schedule, spacing } = this.read;
    if (!schedule) return -Infinity;
    if (this.jumpedBack(now)) return schedule.latestDue(now);
    if (spacing !== 'delay') return Math.max(schedule.latestDue(now), this.missedUntil(now));
    const slot = this.nextSlot(this.current.slot);
    return slot < Infinity && schedule.dueAt(slot) <= now ? slot : this.current.slot;
  }

  /** Number of slots after `after`, up to and including `until`. */
  count(after: number, until: number): number {
    const { schedule, spacing } = this.read;
    if (!schedule || spacing === 'delay' || after === -Infinity) return 0;
    return schedule.count(after, until);
  }

  /**
   * The last slot whose claim was refused: it is not claimed again. With spacing `delay` none is passed over, as slots
   * are no fixed sequence. One that lies ahead was tried before the coordinator's clock was set back.
   */
  private passedOver(now: number): number {
    return this.read.spacing === 'delay' || this.tried > now ? -Infinity : this.tried;
  }

  /** While a failed run's slot is owed: slots up to this one came while that run was active, and were skipped. */
  private get skippedUntil(): number {
    const { done, status } = this.current;
    const skips = done && this.isOwed && this.definition.overlap === 'skip' && this.read.spacing !== 'delay';
    return (skips && this.read.schedule?.latestDue(status.lastEnd ?? -Infinity)) || -Infinity;
  }

  private missedUntil(now: number): number {
    return this.floor > now ? -Infinity : this.floor;
  }

  private nextSlot(after: number): number {
    const { schedule, spacing, interval } = this.read;
    if (!schedule) return Infinity;
    if (spacing !== 'delay') return schedule.next(after);
    const { leaseUntil = -Infinity, notBefore = this.startedAt, slot, status } = this.current;
    // An interval after the end of the last run, of which the release tells replicas (`notBefore`). While that is
    // unknown, because the run is active or was lost: an interval after the end of its lease, and in any case after its
    // start.
    const ended = Math.max(leaseUntil, status.lastRun ?? -Infinity);
    const next = Math.max(Math.ceil(Math.max(notBefore, ended + interval)), slot + 1);
    return next > this.definition.until ? Infinity : next;
  }

  /** Whether the stored slot is still to be run. */
  get isOwed(): boolean {
    const { owed, done } = this.current;
    return owed !== undefined && (done || owed <= this.definition.maxAttempts);
  }

  private get queues(): boolean {
    const { overlap } = this.definition;
    return overlap === 'queueOne' || overlap === 'cancelRunning';
  }

  private get aheadBy(): number | undefined {
    const { schedule, interval } = this.read;
    const { slot } = this.current;
    if (!schedule || slot === -Infinity) return undefined;
    // With shorter gaps, the inaccuracy of this replica's time would be taken for a jump.
    const gap = interval > 0 ? interval : schedule.next(slot) - slot;
    return gap < Infinity ? Math.max(SHORTEST_JUMP, gap) : undefined;
  }

  private start(): void {
    const { schedule, spacing } = this.read;
    if (!schedule || spacing === 'delay') return;
    const { slot } = this.current;
    const latest = schedule.latestDue(this.startedAt);
    if (latest <= slot) return;
    if (worthCatchingUp(this.read, this.definition, this.startedAt - latest))
      this.catchUpAt = this.startedAt + catchUpDelay(this.definition.name, schedule, latest);
    else this.floor = latest;
  }
}
