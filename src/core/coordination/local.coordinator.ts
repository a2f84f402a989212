import { withoutLog } from '../history/run.js';
import { type Clock } from '../timing/clock.js';
import { StaleRunError } from './coordination.errors.js';
import { type Cancellation } from '../worker/cancellation.js';
import {
  type CancelAnswer,
  type Claim,
  type ClaimAnswer,
  type Control,
  Coordinator,
  type Enrolment,
  FOREVER,
  type Heartbeat,
  type HeartbeatAnswer,
  type HeldLease,
  type Known,
  type Members,
  type Pulse,
  type Refusal,
  type Release,
  type ReleaseAnswer,
  type RequestAnswer,
  type RunRequestInput,
  type Timed,
} from './coordinator.js';
import { summaryOf } from '../text/describe-error.js';
import {
  type LostRun,
  type RequestedRun,
  type RequestOutcome,
  type WorkerRecord,
  type WorkerStatus,
} from './worker-record.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Row extends Mutable<Omit<WorkerRecord, 'status'>> {
  status: Mutable<WorkerStatus>;
  previous: LostRun | undefined;
}

const CHANGES = { pause: 'paused', resume: 'resumed', reschedule: 'rescheduled' } as const;

interface Request extends Mutable<RequestedRun> {
  readonly eventId: string | undefined;
  readonly maxAttempts: number;
  /** It was begun without a lease, and is not tried again: when its replica last said that it is active. */
  heardOf?: number;
  endedAt?: number;
  outcome?: RequestOutcome;
}

/**
 * The rule in plain code and in memory: replicas of one process, and the model that the simulation runs on. The
 * statements of the Postgres coordinator say the same, and both pass `coordinatorContract`.
 */
export class LocalCoordinator extends Coordinator {
  override readonly description: string = 'memory of this process';
  private readonly rows = new Map<string, Row>();
  private readonly cancellations = new Map<string, { by: Cancellation; at: number }>();
  private readonly requests = new Map<string, Request>();
  /** Replicas, and when they were heard of last. */
  private readonly seen = new Map<string, number>();

  /** @param clock the one clock that counts */
  constructor(private readonly clock: Pick<Clock, 'now'>) {
    super();
  }

  async open(): Promise<void> {}

  async enroll(workers: readonly Enrolment[]): Promise<Timed<{ records: WorkerRecord[] }>> {
    const time = this.clock.now();
    const records = workers.map((worker) => {
      const row = this.rows.get(worker.name);
      if (!row) this.rows.set(worker.name, newRow(worker, time));
      else if (row.definition !== worker.timing) {
        reschedule(row, worker, time);
        row.definition = worker.timing;
        row.definitionAt = time;
      }
      return copy(this.rows.get(worker.name)!);
    });
    return { time, records };
  }

  async claim(claim: Claim): Promise<ClaimAnswer> {
    const time = this.clock.now();
    const row = this.rows.get(claim.worker);
    const refusal = this.refusal(row, claim, time);
    if (!refusal) {
      if (row!.runId !== claim.runId) this.grant(row!, claim, time);
      return { time, granted: true, record: copy(row!), lost: row!.previous };
    }
    return { time, granted: false, ...refusal, record: row && copy(row) };
  }

  async heartbeat({ worker, runId, fencing, lease, progress }: Heartbeat): Promise<HeartbeatAnswer> {
    const time = this.clock.now();
    const row = this.rows.get(worker);
    if (!row || !holds(row, runId, fencing)) return { time, leaseUntil: undefined, cancelRequested: false };
    row.leaseUntil = time + lease;
    if (progress) row.status.progress = progress;
    return { time, leaseUntil: row.leaseUntil, cancelRequested: row.cancelRequested };
  }

  async release(release: Release): Promise<ReleaseAnswer> {
    const time = this.clock.now();
    const row = this.rows.get(release.worker);
    if (!row) return { time, record: undefined };
    if (!release.leased) {
      if (release.tell) row.revision++;
      if (release.kind === 'unrun' && release.requestId === undefined) row.begun--;
      this.settle(row, release, this.requestOf(release), time);
      return { time, record: copy(row) };
    }
    if (row.runId !== release.runId || row.fencing !== release.fencing) return { time, record: undefined };
    // Without a holder it is a repetition.
    if (row.holder !== undefined) this.free(row, release, time);
    return { time, record: copy(row) };
  }

  async request({ overlap, eventId, ...asked }: RunRequestInput): Promise<RequestAnswer> {
    const time = this.clock.now();
    const row = this.rows.get(asked.worker);
    if (!row) return { time, accepted: false, reason: 'unknown', record: undefined };
    const record = copy(row);
    if (this.requests.has(asked.id)) return { time, accepted: true, record };
    const known = [...this.requests.values()].some(
      (other) => other.worker === asked.worker && eventId !== undefined && other.eventId === eventId,
    );
    if (known) return { time, accepted: false, reason: 'known', record };
    if (overlap === 'skip' && isHeld(row, time)) return { time, accepted: false, reason: 'busy', record };
    if (overlap === 'queueOne' || overlap === 'cancelRunning') this.dropWaiting(row, time);
    this.requests.set(asked.id, { ...asked, eventId, requestedAt: time, attempts: 0 });
    return { time, accepted: true, record };
  }

  async cancel(worker: string, fencing: number): Promise<void> {
    const row = this.rows.get(worker);
    if (row && row.fencing === fencing && row.holder !== undefined) row.cancelRequested = true;
  }

  async cancelRun(runId: string, by: Cancellation): Promise<Timed<CancelAnswer>> {
    const time = this.clock.now();
    if (!this.cancellations.has(runId)) this.cancellations.set(runId, { by, at: time });
    const request = this.requests.get(runId);
    if (request && this.waits(request, time)) {
      request.endedAt = time;
      request.outcome = { dropped: true };
      const { worker, trigger, requestedAt, actor } = request;
      const dropped = { worker, trigger, requestedAt, ...(actor !== undefined && { actor }) };
      return { time, known: true, dropped };
    }
    const held = [...this.rows.values()].some((row) => row.runId === runId && row.holder !== undefined);
    return { time, known: held || (request?.heardOf !== undefined && request.endedAt === undefined) };
  }

  async control(worker: string, change: Control): Promise<Timed<{ record: WorkerRecord | undefined }>> {
    const time = this.clock.now();
    const row = this.rows.get(worker);
    if (!row) return { time, record: undefined };
    if (change.do !== 'reschedule' && row.paused === (change.do === 'pause'))
      return { time, record: copy(row) };
    const { actor } = change;
    row.lastChange = { change: CHANGES[change.do], at: time, ...(actor !== undefined && { actor }) };
    if (change.do === 'reschedule') reschedule(row, change, time);
    else if (change.do === 'pause') pause(row, time);
    else {
      row.paused = false;
      row.revision++;
      startAfter(row, change.slot, time);
    }
    return { time, record: copy(row) };
  }

  async announce(replica: string | undefined, absentAfter: number): Promise<Members> {
    const time = this.clock.now();
    if (replica !== undefined) this.seen.set(replica, time);
    return { time, members: [...this.seen].flatMap(([id, at]) => (at > time - absentAfter ? [id] : [])) };
  }

  async pulse({ revisions, awaited, unleased, active = [], silentAfter }: Known): Promise<Pulse> {
    const time = this.clock.now();
    for (const id of unleased) {
      const request = this.requests.get(id);
      if (request) request.heardOf = time;
    }
    const requests = [...this.requests.values()].filter(
      (request) => revisions.has(request.worker) && this.waits(request, time),
    );
    const records = [...revisions].flatMap(([name, revision]) => {
      const row = this.rows.get(name);
      const news =
        row &&
        (row.revision !== revision ||
          (row.leaseUntil !== undefined && row.leaseUntil <= time) ||
          requests.some(({ worker }) => worker === name));
      return news ? [copy(row)] : [];
    });
    const outcomes = new Map<string, RequestOutcome>();
    for (const id of awaited) {
      const request = this.requests.get(id);
      if (request?.outcome) outcomes.set(id, request.outcome);
      else if (!request || this.isSilent(request, time, silentAfter)) outcomes.set(id, { dropped: true });
    }
    const cancellations = new Map(
      active.flatMap((id) => {
        const cancellation = this.cancellations.get(id);
        return cancellation ? [[id, cancellation.by] as const] : [];
      }),
    );
    return { time, records, requests, outcomes, cancellations };
  }

  async records(): Promise<Timed<{ records: WorkerRecord[] }>> {
    const records = [...this.rows.values()].map(copy).sort((a, b) => (a.name < b.name ? -1 : 1));
    return { time: this.clock.now(), records };
  }

  async assertCurrent({ worker, runId, fencing }: HeldLease): Promise<void> {
    const row = this.rows.get(worker);
    if (!row || !holds(row, runId, fencing)) throw new StaleRunError(worker, runId, fencing);
  }

  async prune(age: number): Promise<void> {
    const before = this.clock.now() - age;
    for (const { id, endedAt, eventId } of this.requests.values())
      if (endedAt !== undefined && endedAt < before && !eventId?.startsWith(FOREVER))
        this.requests.delete(id);
    for (const [id, at] of this.seen) if (at < before) this.seen.delete(id);
    for (const [id, { at }] of this.cancellations) if (at < before) this.cancellations.delete(id);
  }

  async close(): Promise<void> {}

  /** Undefined: granted, now or by the same claim before. */
  private refusal(
    row: Row | undefined,
    { runId, replica, fencing, from, target, lease, maxAttempts, resetAhead }: Claim,
    time: number,
  ): { reason: Refusal; wait: number } | undefined {
    const because = (reason: Refusal, until = time) => ({ reason, wait: until - time });
    if (!row) return because('unknown');
    if (row.runId === runId)
      return row.holder === replica && (lease === undefined || isHeld(row, time))
        ? undefined
        : because('over');
    if (row.fencing !== fencing || row.slot !== from) return because('stale');
    if (isHeld(row, time)) return because('held', row.leaseUntil);
    if ('request' in target) {
      const request = this.requests.get(target.request);
      return request && this.waits(request, time) ? undefined : because('over');
    }
    const { slot } = target;
    if (row.paused) return because('paused');
    if (slot > time) return because('too_early', slot);
    if (row.notBefore !== undefined && row.notBefore > time) return because('backing_off', row.notBefore);
    if (slot > row.slot) return undefined;
    if (slot < row.slot)
      return resetAhead !== undefined && row.slot - time > resetAhead ? undefined : because('over');
    if (row.owed === undefined) return because('over');
    return !row.done && row.owed > maxAttempts ? because('exhausted') : undefined;
  }

  private grant(row: Row, claim: Claim, time: number): void {
    const { runId, replica, target, missed, skipped, lease, begins = true } = claim;
    const { status } = row;
    row.previous =
      row.holder === undefined || row.leaseUntil === undefined ? undefined : lostRun(row, row.holder);
    if (row.previous) status.lostCount++;
    if ('request' in target) {
      const request = this.requests.get(target.request)!;
      row.attempt = ++request.attempts;
      if (request.trigger === 'schedule' && row.attempt === 1) row.begun++;
      request.heardOf = lease === undefined ? time : undefined;
      row.requestId = target.request;
    } else {
      const again = target.slot === row.slot;
      if (!again && !row.done) status.supersededCount++;
      row.attempt = again ? row.owed! : 1;
      if (begins && row.attempt === 1) row.begun++;
      row.slot = target.slot;
      row.done = lease === undefined;
      row.owed = lease === undefined ? undefined : row.attempt + 1;
      row.requestId = undefined;
      status.missedCount += missed;
      status.skippedCount += skipped;
    }
    row.fencing++;
    row.runId = runId;
    row.holder = replica;
    row.leaseUntil = lease === undefined ? undefined : time + lease;
    row.cancelRequested = false;
    status.lastRun = time;
    status.progress = undefined;
  }

  private free(row: Row, release: Release, time: number): void {
    const { kind, run, retry, passed, tell } = release;
    const request = row.requestId === undefined ? undefined : this.requests.get(row.requestId);
    row.holder = undefined;
    row.leaseUntil = undefined;
    row.cancelRequested = false;
    if (tell) row.revision++;
    if (kind === 'unrun') {
      if (request) return;
      row.owed = row.attempt;
      if (row.attempt === 1) row.begun--;
      return;
    }
    if (kind === 'undone') return;
    if (!request) {
      row.done = true;
      row.owed = retry ? row.attempt + 1 : undefined;
    } else if (run?.outcome === 'succeeded' && row.done) row.owed = undefined;
    if (passed && passed.slot > row.slot && row.done && row.owed === undefined) {
      row.slot = passed.slot;
      row.status.skippedCount += passed.skipped;
    }
    this.settle(row, release, request, time);
  }

  /** Writes what became of a run. */
  private settle(row: Row, { run, delay }: Release, request: Request | undefined, time: number): void {
    if (delay !== 'keep') row.notBefore = delay === 0 ? undefined : time + delay;
    if (!run || request?.endedAt !== undefined) return;
    const { status } = row;
    status.lastEnd = time;
    status.lastDurationMs = run.endedAt.getTime() - run.startedAt.getTime();
    status.lastError = run.error && summaryOf(run.error);
    status.progress = undefined;
    status.runCount++;
    if (run.outcome !== 'cancelled')
      status.consecutiveFailures = run.outcome === 'succeeded' ? 0 : status.consecutiveFailures + 1;
    if (run.outcome === 'succeeded') status.lastSuccess = time;
    if (request) {
      request.endedAt = time;
      request.outcome = { run: withoutLog(run) };
    }
  }

  /** Without a lease a run may serve a request that the record knows nothing of any more. */
  private requestOf({ requestId }: Release): Request | undefined {
    return requestId === undefined ? undefined : this.requests.get(requestId);
  }

  private dropWaiting(row: Row, time: number): void {
    for (const request of this.requests.values())
      if (request.worker === row.name && this.waits(request, time)) {
        request.endedAt = time;
        request.outcome = { dropped: true };
      }
  }

  /** Whether it may be claimed. */
  private waits(request: Request, time: number): boolean {
    return (
      request.endedAt === undefined &&
      request.heardOf === undefined &&
      !exhausted(request) &&
      !this.isServed(request, time)
    );
  }

  /** It was begun, is not tried again, and nobody can be seen to be at it. */
  private isSilent(request: Request, time: number, silentAfter: number): boolean {
    const { heardOf } = request;
    return heardOf === undefined
      ? exhausted(request) && !this.isServed(request, time)
      : time - heardOf > silentAfter;
  }

  private isServed({ id, worker }: Request, time: number): boolean {
    const row = this.rows.get(worker)!;
    return row.requestId === id && isHeld(row, time);
  }
}

function newRow({ name, timing, slot, delay }: Enrolment, time: number): Row {
  return {
    name,
    slot,
    done: true,
    owed: undefined,
    fencing: 0,
    runId: undefined,
    attempt: 0,
    requestId: undefined,
    holder: undefined,
    leaseUntil: undefined,
    cancelRequested: false,
    notBefore: delay === undefined ? undefined : time + delay,
    paused: false,
    revision: 1,
    timing,
    definition: timing,
    definitionAt: time,
    begun: 0,
    lastChange: undefined,
    previous: undefined,
    status: {
      lastRun: undefined,
      lastEnd: undefined,
      lastSuccess: undefined,
      lastError: undefined,
      lastDurationMs: undefined,
      progress: undefined,
      runCount: 0,
      consecutiveFailures: 0,
      skippedCount: 0,
      missedCount: 0,
      supersededCount: 0,
      lostCount: 0,
    },
  };
}

function reschedule(row: Row, to: { timing: string; slot: number; delay?: number }, time: number): void {
  row.timing = to.timing;
  row.revision++;
  row.notBefore = to.delay === undefined ? undefined : time + to.delay;
  startAfter(row, to.slot, time);
}

function pause(row: Row, time: number): void {
  row.paused = true;
  row.revision++;
  row.notBefore = undefined;
  startAfter(row, row.slot, time);
}

/** Slots up to that one count for nothing, and nothing is owed; unless a run is active, which needs its slot. */
function startAfter(row: Row, slot: number, time: number): void {
  if (isHeld(row, time)) return;
  if (!row.done) row.status.supersededCount++;
  row.done = true;
  row.owed = undefined;
  row.slot = Math.max(row.slot, slot);
}

function isHeld({ leaseUntil }: Row, time: number): boolean {
  return leaseUntil !== undefined && leaseUntil > time;
}

/** Also when the lease has run out, as long as nobody else was granted one. */
function holds(row: Row, runId: string, fencing: number): boolean {
  return row.runId === runId && row.fencing === fencing && row.holder !== undefined;
}

function exhausted({ attempts, maxAttempts }: Request): boolean {
  return attempts >= maxAttempts;
}

function lostRun({ runId, attempt, slot, requestId, status }: Row, replica: string): LostRun {
  return {
    runId: runId!,
    replica,
    attempt,
    slot: requestId === undefined ? slot : undefined,
    startedAt: status.lastRun!,
  };
}

function copy({ previous: _, status, ...row }: Row): WorkerRecord {
  return { ...row, status: { ...status } };
}
