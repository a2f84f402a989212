import { type Claim, type Release } from '../../coordination/coordinator.js';
import { type RequestedRun, type WorkerRecord } from '../../coordination/worker-record.js';
import { timingFor } from '../../registry/stored-timing.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { catchUpDelay, worthCatchingUp } from '../catch-up.js';
import { type Timing } from '../../registry/timing.js';
import { WaitingRequests } from './waiting-requests.js';

/** What a replica would claim: a slot, or a run that was asked for. */
export type Target = { readonly slot: number } | { readonly request: RequestedRun };

const SHORTEST_JUMP = 1_000;

/**
 * What a replica believes of a worker, and what it would therefore claim, and when. It may be wrong: then the claim
 * is refused, and the refusal says what is right. All instants are the coordinator's.
 */
export class ClusterView {
  /** Runs that were asked for and wait. */
  readonly requests = new WaitingRequests();
  private current: WorkerRecord;
  private read: Timing & Pick<WorkerDefinition, 'spacing'>;
  /** The last slot that was claimed, or would have been, and refused. */
  private tried = -Infinity;
  /** Until then another run holds the lease. */
  private heldUntil = -Infinity;
  /** Slots up to here were missed by all replicas before this one started, and are not caught up. */
  private floor = -Infinity;
  private catchUpAt = -Infinity;

  /** @param startedAt when this replica began to look */
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

  /** What the coordinator has said. */
  learn(record: WorkerRecord): void {
    if (record.paused) this.requests.dropDeferred();
    if (record.timing !== this.current.timing) {
      this.requests.dropDeferred();
      this.read = timingFor(this.definition, record.timing);
      this.tried = -Infinity;
      this.floor = -Infinity;
    }
    // The refusal was because of a run that has ended. Slots may come again when the clock is set back.
    if (record.fencing !== this.current.fencing) this.tried = -Infinity;
    this.current = record;
    this.heldUntil = record.leaseUntil ?? -Infinity;
  }

  /** What a pulse or a look says: it may be older than what is known. */
  overhear(record: WorkerRecord): void {
    const { fencing, revision } = this.current;
    if (record.fencing >= fencing || record.revision > revision) this.learn(record);
  }

  /** A run is active, or about to be, and this target has to wait, or is passed over. */
  refusedAsHeld(target: Target, until: number): void {
    this.heldUntil = until;
    if ('slot' in target) this.tried = target.slot;
  }

  /** What is granted is the newest. */
  granted(target: Target): void {
    if ('request' in target) this.requests.drop(target.request.id);
    else if (target.slot !== this.current.slot) this.requests.dropDeferred();
  }

  /** Call it when the release has been learnt. @param request that its run served */
  given(release: Release, request: RequestedRun | undefined): void {
    const { paused, attempt, notBefore } = this.current;
    if (!paused) this.requests.ended(release, request && { ...request, attempts: attempt }, notBefore);
  }

  /** What to claim now: a request, or else a slot; what waits for a backoff leaves its place to a newer slot. */
  wanted(now: number): Target | undefined {
    const free = now >= this.heldUntil;
    const request = free ? this.requests.plain : undefined;
    if (request) return { request };
    const slot = this.wantedSlot(now);
    // Where the interval counts from the end of a run, a retry is a run, and no slot has come before its end.
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

  /** When there may be something to claim; undefined when that takes a change from elsewhere. */
  nextAt(now: number): number | undefined {
    const { paused, slot, notBefore = -Infinity, leaseUntil = -Infinity } = this.current;
    const times: number[] = [];
    const asked = this.requests.nextAt;
    if (asked !== undefined) times.push(Math.max(this.heldUntil, asked));
    if (!paused && this.limitReached) {
      if (this.isOwed) times.push(Math.max(leaseUntil, notBefore));
    } else if (!paused) {
      const last = Math.max(slot, this.missedUntil(now), this.passedOver(now), this.skippedUntil);
      // None at all if it has had no schedule before. Then the latest one counts, not the first of all times.
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

  /** What a claim of that target says of the slots between. */
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

  /** What becomes of the slots between: those of a backoff, and of a run that the next one waited for, are skipped. */
  between(from: number, slot: number): { missed: number; skipped: number } {
    const { notBefore = -Infinity, status } = this.current;
    const busyUntil = this.definition.overlap === 'allow' ? -Infinity : (status.lastEnd ?? -Infinity);
    const all = Math.max(0, this.count(from, slot) - 1);
    const skipped = Math.min(all, Math.max(0, this.count(from, Math.max(notBefore, busyUntil))));
    return { missed: all - skipped, skipped };
  }

  /** Too late to be run, as the definition has it: what is caught up or tried again is not. */
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

  /** Why a run for that slot starts. */
  triggerOf(slot: number, attempt: number): 'schedule' | 'retry' | 'catch_up' {
    if (attempt > 1) return 'retry';
    return slot <= this.startedAt && this.catchUpAt > -Infinity ? 'catch_up' : 'schedule';
  }

  /** Each grant moves the token, so that with this token there can be no other count. */
  get limitReached(): boolean {
    return this.current.begun >= this.definition.limit;
  }

  /** Nothing but a trigger makes it run. */
  isOver(now: number): boolean {
    return this.limitReached || now > this.definition.until;
  }

  /** The same, or there will never be another slot. What is owed is still to come. */
  hasEnded(now: number): boolean {
    if (!this.read.schedule || this.isOwed || this.requests.deferred) return false;
    if (this.isOver(now)) return true;
    return !this.current.paused && this.definition.on.length === 0 && this.nextAt(now) === undefined;
  }

  /** When the run for that slot was due. */
  dueAt(slot: number): number {
    return this.read.schedule!.dueAt(slot);
  }

  /** The last slot that is due, on the grid of the schedule; with spacing `delay`, when the interval has passed. */
  latestDue(now: number): number {
    const { schedule, spacing } = this.read;
    if (!schedule) return -Infinity;
    if (this.jumpedBack(now)) return schedule.latestDue(now);
    if (spacing !== 'delay') return Math.max(schedule.latestDue(now), this.missedUntil(now));
    const slot = this.nextSlot(this.current.slot);
    return slot < Infinity && schedule.dueAt(slot) <= now ? slot : this.current.slot;
  }

  /** How many slots lie after the one instant, up to the other. */
  count(after: number, until: number): number {
    const { schedule, spacing } = this.read;
    if (!schedule || spacing === 'delay' || after === -Infinity) return 0;
    return schedule.count(after, until);
  }

  /**
   * The slot that was claimed last, and refused: not again. Where the interval begins with the end of a run, slots are
   * no row of instants, and none is passed over. What lies ahead was tried before the coordinator's clock was set back.
   */
  private passedOver(now: number): number {
    return this.read.spacing === 'delay' || this.tried > now ? -Infinity : this.tried;
  }

  /** The slot is owed as its run has failed, and those that came while it was active were skipped: they take no place. */
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
    // An interval after the end of the last run, of which replicas are told. Where that is not known, as the run has a
    // lease or none, or was cut off: after that of the lease, and in any case after its start.
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
    // Of shorter ones, what this replica does not know exactly of the time would be taken for a jump.
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
