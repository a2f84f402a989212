import {
  type Claim,
  type Control,
  type Heartbeat,
  type HeldLease,
  type Release,
} from '../../src/core/coordination/coordinator.js';
import { type LocalRequest } from '../../src/core/coordination/local-requests.js';
import { type WorkerRecord } from '../../src/core/coordination/worker-record.js';
import { readTiming } from '../../src/core/registry/stored-timing.js';
import { type RunContext } from '../../src/core/worker/run-context.js';
import { type OverlapPolicy } from '../../src/core/worker/worker-options.js';
import { type StoreClock } from './store-clock.js';
import { instant, type Trace } from './trace.js';
import { type World } from './world.js';

/** A process, as far as it matters to what runs in it. */
export interface Process {
  readonly label: string;
  readonly alive: boolean;
  readonly paused: boolean;
}

/** A run whose code is being executed. */
export interface Running {
  readonly process: Process;
  readonly context: RunContext;
}

/** Pulse, jitter of one slot more, latencies. Milliseconds. */
const LONGEST_LOOK = 5_000;

/** A promise of the protocol was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

interface Lease {
  readonly runId: string;
  readonly fencing: number;
  until: number;
}

/** What was seen of a worker: kept beside the store's record, so that a wrong record shows. */
export class Ledger {
  token = 0;
  lease?: Lease;
  /** The slot that it was enrolled with: those up to here count for nothing. */
  start = -Infinity;
  /** Slots of which a run came to its end by itself; under `allow`, that were granted. */
  readonly ended = new Set<number>();
  /** Those of them that are not to be tried again. */
  readonly completed = new Set<number>();
  readonly begunRequests = new Set<string>();
  readonly completedRequests = new Set<string>();
  /** Attempts of requests that failed, and are followed by another. */
  readonly retried = new Set<string>();
  /** By request, when the retry that waits is due. */
  readonly dueAt = new Map<string, number>();
  readonly running = new Set<Running>();
  /** Events that a run was begun for. */
  readonly events = new Set<string>();
  /** When a lease last ended, true time. */
  freeAt = 0;
  scheduledAt = -Infinity;
  /** The last time that anything was granted, by true time. */
  grantedAt = -Infinity;
  /** Its slots cannot be counted any more: it was paused, had another schedule, or the store's clock went back. */
  uncountable = false;
  grants = 0;
  completions = 0;

  constructor(readonly overlap: OverlapPolicy) {}
}

/** Sees all that happens at the store and in the runs, and holds it against what the protocol promises. */
export class Observer {
  readonly ledgers = new Map<string, Ledger>();
  violation?: Violation;
  private readonly timings = new Map<string, ReturnType<typeof readTiming>>();
  /** True time, since when one and the same replica could have claimed whatever was due. */
  healthySince: () => number = () => Infinity;

  constructor(
    private readonly world: World,
    private readonly time: StoreClock,
    private readonly trace: Trace,
    private readonly lease: number,
  ) {}

  violate(what: string): void {
    if (this.violation) return;
    this.violation = new Violation(what);
    this.trace.note('!!', () => what);
    this.world.over = true;
  }

  ledger(worker: string): Ledger {
    return this.ledgers.get(worker)!;
  }

  enrolled(before: WorkerRecord | undefined, after: WorkerRecord): void {
    const ledger = this.ledger(after.name);
    if (!before) ledger.start = after.slot;
    else if (before.timing !== after.timing) ledger.uncountable = true;
  }

  controlled(change: Control, before: WorkerRecord): void {
    this.ledger(before.name).uncountable ||= change.do !== 'resume' || before.paused;
  }

  granted(claim: Claim, before: WorkerRecord, after: WorkerRecord): void {
    const now = this.time.now();
    const { worker, target, lease } = claim;
    const ledger = this.ledger(worker);
    if (after.fencing <= ledger.token)
      this.violate(`${worker}: token ${after.fencing} was granted after ${ledger.token}`);
    ledger.token = Math.max(ledger.token, after.fencing);
    ledger.grantedAt = this.world.now;
    ledger.grants++;
    if (ledger.overlap !== 'allow' && ledger.lease && ledger.lease.until > now)
      this.violate(
        `${worker}: a lease was granted while that of token ${ledger.lease.fencing} stood until ${instant(ledger.lease.until)}`,
      );
    if (ledger.lease) ledger.freeAt = this.trueTime(ledger.lease.until);
    ledger.lease =
      lease === undefined
        ? undefined
        : { runId: after.runId!, fencing: after.fencing, until: after.leaseUntil! };
    if ('request' in target) {
      if (ledger.completedRequests.has(target.request))
        this.violate(`${worker}: a request was granted again that had completed`);
      const notBefore = ledger.dueAt.get(target.request) ?? -Infinity;
      if (notBefore > now) this.violate(`${worker}: a request was granted before ${instant(notBefore)}`);
      ledger.begunRequests.add(target.request);
      return;
    }
    const { slot } = target;
    if (before.paused) this.violate(`${worker}: slot ${instant(slot)} was granted while it was paused`);
    if (before.notBefore !== undefined && before.notBefore > now)
      this.violate(`${worker}: slot ${instant(slot)} was granted before ${instant(before.notBefore)}`);
    this.inTime(ledger, before, slot, now);
    if (slot > now) this.violate(`${worker}: slot ${instant(slot)} was granted before its time`);
    if (slot < before.slot) this.reset(worker, ledger, slot);
    if (ledger.completed.has(slot))
      this.violate(`${worker}: slot ${instant(slot)} was granted again though it had completed`);
    // One that failed, and is tried again.
    ledger.ended.delete(slot);
    if (ledger.overlap === 'allow') this.complete(worker, ledger, slot, false);
  }

  renewed({ worker, fencing }: Heartbeat, until: number): void {
    const { lease } = this.ledger(worker);
    if (lease?.fencing !== fencing)
      this.violate(`${worker}: token ${fencing} was renewed, and the lease is of token ${lease?.fencing}`);
    else lease.until = until;
  }

  /**
   * What a release made of the request that its run had served. A retry is due after the failure, each failure makes one,
   * and none uses up what is meant for runs that do not come to their end.
   */
  retries({ worker, retry, run }: Release, before?: LocalRequest, after?: LocalRequest): void {
    if (!before || !after || before.endedAt !== undefined) return;
    if (after.maxAttempts === before.maxAttempts) return;
    const ledger = this.ledger(worker);
    const attempt = `${after.id} ${run!.attempt}`;
    if (!retry || after.endedAt !== undefined || after.notBefore === undefined)
      this.violate(`${worker}: a request waits to be tried again that did not fail`);
    if (run!.attempt !== before.attempts || ledger.retried.has(attempt))
      this.violate(`${worker}: the retry of attempt ${run!.attempt} of a request was made twice`);
    if (after.maxAttempts !== before.maxAttempts + 1)
      this.violate(`${worker}: a failure used up an attempt of a request`);
    ledger.retried.add(attempt);
    ledger.dueAt.set(after.id, after.notBefore!);
  }

  /** A slot whose run failed without a lease is tried again: nothing newer has begun. */
  owes(worker: string, slot: number): void {
    this.ledger(worker).completed.delete(slot);
  }

  /** A release that was accepted, and is no repetition of one. */
  released(release: Release, before: WorkerRecord, after: WorkerRecord, ended: boolean): void {
    const { worker, fencing, kind, run } = release;
    const ledger = this.ledger(worker);
    if (ledger.lease?.fencing !== fencing)
      this.violate(`${worker}: token ${fencing} was released, and the lease is of ${ledger.lease?.fencing}`);
    ledger.lease = undefined;
    ledger.freeAt = this.world.now;
    if (kind !== 'done') return;
    if (before.requestId === undefined)
      this.complete(worker, ledger, before.slot, after.owed !== undefined && after.slot === before.slot);
    else if (run && ended) ledger.completedRequests.add(before.requestId);
  }

  /** Whether a run may keep what it wrote. */
  asserted({ worker, fencing }: HeldLease): void {
    const { token } = this.ledger(worker);
    if (token !== fencing)
      this.violate(`${worker}: the write of token ${fencing} was let pass after ${token} was granted`);
  }

  began(process: Process, context: RunContext): Running {
    const running = { process, context };
    this.ledger(context.worker).running.add(running);
    this.trace.note(process.label, () => `runs ${this.describe(context)}`);
    this.overlaps(context.worker);
    this.onceAnEvent(context);
    return running;
  }

  ended(running: Running, how: string): void {
    const { process, context } = running;
    if (!this.ledger(context.worker).running.delete(running)) return;
    this.trace.note(process.label, () => `${how} ${this.describe(context)}`);
  }

  /** Its process is gone, and what ran there with it. */
  gone(process: Process): void {
    for (const { running } of this.ledgers.values())
      for (const run of running) if (run.process === process) running.delete(run);
  }

  /** To be called whenever a process may have begun to run something, or goes on. */
  overlaps(worker: string): void {
    const { overlap, running } = this.ledger(worker);
    if (overlap === 'allow' || running.size < 2) return;
    // Who holds a lease by a clock that was set forward learns of it with the next heartbeat.
    if (this.world.now - this.time.jumpedForwardAt <= this.lease) return;
    const counted = [...running].filter(
      ({ process, context }) => process.alive && !process.paused && !context.signal.aborted,
    );
    if (counted.length > 1)
      this.violate(
        `${worker}: runs at the same time: ${counted.map(({ process, context }) => `${process.label} token ${context.fencingToken}`).join(', ')}`,
      );
  }

  /** Slots elapsed since enrolment are accounted for, each once. */
  countsAddUp(record: WorkerRecord): void {
    const ledger = this.ledger(record.name);
    const { schedule, spacing } = this.timing(record.name, record.timing);
    if (ledger.uncountable || !schedule || spacing === 'delay' || ledger.start === -Infinity) return;
    const { skippedCount, missedCount, supersededCount } = record.status;
    const elapsed = schedule.count(ledger.start, record.slot);
    const ended = ledger.ended.size;
    const open = record.done ? 0 : 1;
    if (elapsed !== ended + skippedCount + missedCount + supersededCount + open)
      this.violate(
        `${record.name}: ${elapsed} slots, but ${ended} ended + ${skippedCount} skipped + ${missedCount} missed + ` +
          `${supersededCount} superseded + ${open} open`,
      );
  }

  /** A slot that could be claimed is, within a pulse, or with the next one if its attempts are used up. */
  private inTime(ledger: Ledger, before: WorkerRecord, slot: number, now: number): void {
    const { name, timing } = before;
    const { schedule, spacing, interval } = this.timing(name, timing);
    if (!schedule) return;
    if (spacing === 'delay') {
      const gap = now - ledger.scheduledAt;
      if (slot > before.slot && gap < interval && !ledger.uncountable && this.time.jumpedBack === 0)
        this.violate(`${name}: slot ${instant(slot)} was granted ${gap} ms after the one before`);
      ledger.scheduledAt = now;
      return;
    }
    if (ledger.uncountable || before.slot === -Infinity || slot <= before.slot) return;
    const next = schedule.next(before.slot);
    const free = Math.max(
      this.trueTime(Math.max(schedule.dueAt(next), before.notBefore ?? -Infinity)),
      ledger.freeAt,
      this.healthySince(),
    );
    const late = this.world.now - free;
    if (late > schedule.next(next) - next + LONGEST_LOOK)
      this.violate(`${name}: slot ${instant(next)} could be claimed for ${Math.round(late)} ms, and was not`);
  }

  /** Reading one is dear, and there are few. */
  private timing(name: string, stored: string): ReturnType<typeof readTiming> {
    const key = `${name} ${stored}`;
    let timing = this.timings.get(key);
    if (!timing) this.timings.set(key, (timing = readTiming(name, stored)));
    return timing;
  }

  private trueTime(instant: number): number {
    return this.world.now - (this.time.now() - instant);
  }

  private onceAnEvent({ worker, trigger, payload, attempt }: RunContext): void {
    const { id } = (payload ?? {}) as { id?: string };
    if (trigger !== 'event' || attempt > 1 || id === undefined) return;
    const { events } = this.ledger(worker);
    if (events.has(id)) this.violate(`${worker}: ${id} was run twice`);
    events.add(id);
  }

  private complete(worker: string, ledger: Ledger, slot: number, retry: boolean): void {
    if (ledger.completed.has(slot)) this.violate(`${worker}: slot ${instant(slot)} completed twice`);
    ledger.ended.add(slot);
    ledger.completions++;
    if (!retry) ledger.completed.add(slot);
  }

  /** The stored slot went back, as the store's clock did: what comes after it comes again. */
  private reset(worker: string, ledger: Ledger, slot: number): void {
    if (this.time.jumpedBack === 0)
      this.violate(`${worker}: the slot went back to ${instant(slot)}, and the store's clock never did`);
    ledger.uncountable = true;
    for (const done of ledger.completed) if (done >= slot) ledger.completed.delete(done);
  }

  private describe({ worker, runId, slot, attempt, trigger, fencingToken }: RunContext): string {
    return (
      `${worker} ${this.trace.alias('run', runId)} token ${fencingToken} ${trigger}` +
      `${slot ? ` slot ${instant(slot.getTime())}` : ''} attempt ${attempt}`
    );
  }
}
