import { type Clock } from '../timing/clock.js';
import { type Cancellation } from '../worker/cancellation.js';
import { StaleRunError } from './coordination.errors.js';
import {
  type CancelAnswer,
  type Claim,
  type ClaimAnswer,
  type Control,
  Coordinator,
  type Enrolment,
  type Heartbeat,
  type HeartbeatAnswer,
  type HeldLease,
  type Known,
  type Members,
  type Pulse,
  type Release,
  type ReleaseAnswer,
  type RequestAnswer,
  type RunRequestInput,
  type Timed,
} from './coordinator.js';
import { type LocalRequest, LocalRequests } from './local-requests.js';
import {
  copy,
  hold,
  holds,
  isHeld,
  letGo,
  type LocalRow,
  newRow,
  owe,
  passSlots,
  passBackedOff,
  pause,
  refusalOf,
  reschedule,
  resume,
  takenOver,
  takeSlot,
} from './local-row.js';
import { runEnded } from './status-changes.js';
import { type RequestOutcome, type WorkerRecord } from './worker-record.js';

const CHANGES = { pause: 'paused', resume: 'resumed', reschedule: 'rescheduled' } as const;

/**
 * The rule of coordination in plain code and in memory: for several replicas in one process, and as the model of the
 * simulation. The Postgres coordinator has the same rule as SQL statements, and both pass `coordinatorContract`.
 */
export class LocalCoordinator extends Coordinator {
  override readonly description: string = 'memory of this process';
  private readonly rows = new Map<string, LocalRow>();
  private readonly cancellations = new Map<string, { by: Cancellation; at: number }>();
  private readonly requests = new LocalRequests(({ id, worker }, time) => {
    const row = this.rows.get(worker)!;
    return row.requestId === id && isHeld(row, time);
  });
  /** When each replica last announced itself. */
  private readonly seen = new Map<string, number>();

  /** @param clock the coordinator's clock, which decides for all replicas */
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
    if (!row) return { time, granted: false, reason: 'unknown', wait: 0, record: undefined };
    const refusal = refusalOf(row, claim, time, (id) => this.requests.isDue(this.requests.get(id), time));
    if (refusal) return { time, granted: false, ...refusal, record: copy(row) };
    if (row.runId !== claim.runId) this.grant(row, claim, time);
    return { time, granted: true, record: copy(row), lost: row.previous };
  }

  async heartbeat(heartbeat: Heartbeat): Promise<HeartbeatAnswer> {
    const time = this.clock.now();
    const { worker, lease, progress } = heartbeat;
    const row = this.rows.get(worker);
    if (!row || !holds(row, heartbeat)) return { time, leaseUntil: undefined, cancelRequested: false };
    row.leaseUntil = time + lease;
    if (progress) row.status.progress = progress;
    return { time, leaseUntil: row.leaseUntil, cancelRequested: row.cancelRequested };
  }

  async release(release: Release): Promise<ReleaseAnswer> {
    const time = this.clock.now();
    const row = this.rows.get(release.worker);
    if (!row) return { time, record: undefined };
    const { kind, leased, requestId, tell } = release;
    if (!leased) {
      // The record may name another request by now, or none.
      const request = this.requests.get(requestId);
      if (request && isToldAgain(release, request)) return { time, record: copy(row) };
      if (tell) row.revision++;
      if (kind === 'unrun' && requestId === undefined) row.begun--;
      this.settle(row, release, request, time);
      return { time, record: copy(row) };
    }
    if (row.runId !== release.runId || row.fencing !== release.fencing) return { time, record: undefined };
    // Without a holder, the call is a repetition.
    if (row.holder !== undefined) {
      const request = this.requests.get(row.requestId);
      letGo(row, release, request !== undefined);
      if (kind === 'done') this.settle(row, release, request, time);
      passSlots(row, release);
    }
    return { time, record: copy(row) };
  }

  async request(asked: RunRequestInput): Promise<RequestAnswer> {
    const time = this.clock.now();
    const { worker, id, overlap, eventId } = asked;
    const row = this.rows.get(worker);
    if (!row) return { time, accepted: false, reason: 'unknown', record: undefined };
    const record = copy(row);
    if (this.requests.get(id)) return { time, accepted: true, record };
    if (this.requests.knowsEvent(worker, eventId)) return { time, accepted: false, reason: 'known', record };
    if (overlap === 'skip' && isHeld(row, time)) return { time, accepted: false, reason: 'busy', record };
    if (overlap === 'queueOne' || overlap === 'cancelRunning') this.requests.dropWaiting(worker, time);
    this.requests.add(asked, time);
    return { time, accepted: true, record };
  }

  async cancel(worker: string, fencing: number): Promise<void> {
    const row = this.rows.get(worker);
    if (row && row.fencing === fencing && row.holder !== undefined) row.cancelRequested = true;
  }

  async cancelRun(runId: string, by: Cancellation): Promise<Timed<CancelAnswer>> {
    const time = this.clock.now();
    if (!this.cancellations.has(runId)) this.cancellations.set(runId, { by, at: time });
    const dropped = this.requests.cancel(runId, time) ?? this.cancelRetry(runId, time);
    if (dropped) return { time, known: true, dropped };
    const held = [...this.rows.values()].some((row) => row.runId === runId && row.holder !== undefined);
    return { time, known: held || this.requests.isActive(runId) };
  }

  async control(worker: string, change: Control): Promise<Timed<{ record: WorkerRecord | undefined }>> {
    const time = this.clock.now();
    const row = this.rows.get(worker);
    if (!row) return { time, record: undefined };
    if (change.do !== 'reschedule' && row.paused === (change.do === 'pause'))
      return { time, record: copy(row) };
    const { actor } = change;
    row.lastChange = { change: CHANGES[change.do], at: time, ...(actor !== undefined && { actor }) };
    if (change.do !== 'resume') {
      this.requests.dropDeferred(worker, time);
      if (change.passed) passBackedOff(row, change.passed, time);
    }
    if (change.do === 'reschedule') reschedule(row, change, time);
    else if (change.do === 'pause') pause(row, time);
    else resume(row, change, time);
    return { time, record: copy(row) };
  }

  async announce(replica: string | undefined, absentAfter: number): Promise<Members> {
    const time = this.clock.now();
    if (replica !== undefined) this.seen.set(replica, time);
    return { time, members: [...this.seen].flatMap(([id, at]) => (at > time - absentAfter ? [id] : [])) };
  }

  async pulse({ revisions, awaited, unleased, active = [], silentAfter }: Known): Promise<Pulse> {
    const time = this.clock.now();
    this.requests.heardOf(unleased, time);
    const requests = this.requests
      .waiting((worker) => revisions.has(worker), time)
      .map((one) => ({ ...one }));
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
      const outcome = this.requests.outcome(id, time, silentAfter);
      if (outcome) outcomes.set(id, outcome);
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

  async assertCurrent(run: HeldLease): Promise<void> {
    const { worker, runId, fencing } = run;
    const row = this.rows.get(worker);
    if (!row || !holds(row, run)) throw new StaleRunError(worker, runId, fencing);
  }

  async prune(age: number): Promise<void> {
    const before = this.clock.now() - age;
    this.requests.prune(before);
    for (const [id, at] of this.seen) if (at < before) this.seen.delete(id);
    for (const [id, { at }] of this.cancellations) if (at < before) this.cancellations.delete(id);
  }

  async close(): Promise<void> {}

  private grant(row: LocalRow, claim: Claim, time: number): void {
    const { target, lease } = claim;
    row.previous = takenOver(row, this.requests.get(row.requestId));
    if (row.previous) row.status.lostCount++;
    if ('slot' in target) {
      // A newer slot takes the place of a retry.
      if (target.slot !== row.slot) this.requests.dropDeferred(row.name, time);
      takeSlot(row, target.slot, claim);
    } else {
      const request = this.requests.get(target.request)!;
      row.attempt = ++request.attempts;
      if (request.trigger === 'schedule' && row.attempt === 1) row.begun++;
      request.heardOf = lease === undefined ? time : undefined;
      row.requestId = target.request;
    }
    hold(row, claim, time);
  }

  /** Drops a retry by the id of the run that failed, unless another run was granted since. */
  private cancelRetry(runId: string, time: number): CancelAnswer['dropped'] {
    const row = [...this.rows.values()].find((other) => other.runId === runId);
    if (!row || isHeld(row, time)) return undefined;
    const request = this.requests.get(row.requestId);
    if (request) return request.notBefore === undefined ? undefined : this.requests.cancel(request.id, time);
    const { name: worker, done, owed: attempt, notBefore: requestedAt = time } = row;
    if (!done || attempt === undefined) return undefined;
    row.owed = undefined;
    row.revision++;
    return { worker, trigger: 'retry', attempt, requestedAt };
  }

  /** Writes what became of a run. */
  private settle(row: LocalRow, release: Release, request: LocalRequest | undefined, time: number): void {
    const { run, delay, leased, runId } = release;
    const ofRequest = (leased ? row.requestId : release.requestId) !== undefined;
    // A newer slot began while the run was active.
    const isOlder = !leased && !ofRequest && row.runId !== runId;
    const retry = release.retry && !row.paused && !isOlder;
    const until = time + (delay === 'keep' ? 0 : delay);
    if (delay !== 'keep') row.notBefore = until === time || (release.retry && row.paused) ? undefined : until;
    if (!run || request?.endedAt !== undefined) return;
    runEnded(row.status, run, time);
    const succeeded = run.outcome === 'succeeded';
    if (retry || succeeded) this.requests.dropDeferred(row.name, time, request?.id);
    const again = retry && !(leased && this.requests.deferWaiting(row.name, until, time));
    if (leased && !ofRequest) row.done = true;
    owe(row, { again: again && !ofRequest, nothing: succeeded || retry || (leased && !ofRequest) });
    if (request && again) this.requests.retry(request, until);
    else if (request) this.requests.end(request, run, time);
  }
}

/** Whether a release without a lease is a repetition: the request then waits for its retry, or has begun it. */
function isToldAgain({ retry, run }: Release, { attempts, heardOf }: LocalRequest): boolean {
  return retry && (heardOf === undefined || run?.attempt !== attempts);
}
