import {
  type Claim,
  type ClaimAnswer,
  type Control,
  type Enrolment,
  type Heartbeat,
  type HeldLease,
  type Known,
  type Release,
  type RunRequestInput,
} from '../../src/core/coordination/coordinator.js';
import { LocalCoordinator } from '../../src/core/coordination/local.coordinator.js';
import { refusalOf } from '../../src/core/coordination/local-row.js';
import { type Cancellation } from '../../src/core/worker/cancellation.js';
import { type WorkerRecord } from '../../src/core/coordination/worker-record.js';
import { type Clock } from '../../src/core/timing/clock.js';
import { type Observer } from './observer.js';
import { type Random } from './random.js';
import { type StoreClock } from './store-clock.js';
import { instant, type Trace } from './trace.js';
import { type World } from './world.js';

/** Who is calling: mutants of the model may want to know. */
export interface Caller {
  readonly label: string;
  wall(): number;
}

/** Makes the model: the real rule, or a broken one that has to be found out. */
export type Model = (clock: Pick<Clock, 'now'>, caller: () => Caller) => LocalCoordinator;

export const sound: Model = (clock) => new LocalCoordinator(clock);

/** Two claims that meet do so within this time: the commit of the first. Milliseconds. */
const COMMIT = 40;

/** The one store of all replicas: the model of the rule, on the clock that counts, watched by the observer. */
export class Store {
  down = false;
  /** True time. */
  upSince = 0;
  readonly model: LocalCoordinator;
  private caller!: Caller;
  /** By worker, what its record was before the last write, and when that was. */
  private readonly written = new Map<string, { at: number; before: WorkerRecord }>();

  constructor(
    private readonly world: World,
    private readonly time: StoreClock,
    private readonly observer: Observer,
    private readonly trace: Trace,
    private readonly random: Random,
    model: Model,
  ) {
    this.model = model(time, () => this.caller);
  }

  record(worker: string): WorkerRecord | undefined {
    const row = this.model['rows'].get(worker);
    return row && { ...row, status: { ...row.status } };
  }

  /** What is known of a request. */
  private asked(id: string | undefined) {
    const request = this.model['requests'].get(id);
    return request && { ...request };
  }

  /** What is done to a worker gives up no retry that waits, unless it may. */
  private keeping<T>(worker: string, may: boolean, call: () => T): T {
    const before = this.deferred(worker);
    const answer = call();
    const after = this.deferred(worker);
    for (const id of before)
      if (!may && !after.includes(id) && this.asked(id)?.endedAt !== undefined)
        this.observer.violate(`${worker}: the retry of request ${this.trace.alias('run', id)} was lost`);
    if (after.length > 1) this.observer.violate(`${worker}: ${after.length} retries wait`);
    return answer;
  }

  private deferred(worker: string): string[] {
    const waiting = this.model['requests'].waiting((name) => name === worker, this.time.now());
    return waiting.flatMap(({ id, notBefore }) => (notBefore === undefined ? [] : [id]));
  }

  /** Requests that nobody has ended. */
  get openRequests(): { id: string; worker: string; attempts: number }[] {
    return this.model['requests'].open;
  }

  enroll(workers: readonly Enrolment[], who: Caller) {
    const before = new Map(workers.map(({ name }) => [name, this.record(name)]));
    const answer = this.as(who, () => this.model.enroll(workers));
    for (const { name } of workers) {
      const after = this.record(name)!;
      this.wrote(name, before.get(name));
      this.observer.enrolled(before.get(name), after);
      this.trace.note(who.label, () => `enrols ${name}: ${this.state(after)} ${after.timing}`);
    }
    return answer;
  }

  claim(claim: Claim, who: Caller): Promise<ClaimAnswer> {
    const before = this.record(claim.worker);
    const answer = this.keeping(claim.worker, 'slot' in claim.target, () =>
      this.as(who, () => this.model.claim(claim)),
    );
    const after = this.record(claim.worker);
    const target = 'slot' in claim.target ? `slot ${instant(claim.target.slot)}` : 'a request';
    const run = (): string => this.trace.alias('run', claim.runId);
    if (before && after && (after.runId !== before.runId || after.fencing !== before.fencing)) {
      this.trace.note(who.label, () => `claims ${claim.worker} ${target} ${run()}: ${this.state(after)}`);
      this.wrote(claim.worker, before);
      this.observer.granted(claim, before, after);
      return answer;
    }
    const raced = this.raced(claim);
    if (raced) {
      const time = this.time.now();
      this.trace.note(who.label, () => `claims ${claim.worker} ${target} ${run()}: lost a race`);
      return Promise.resolve({ time, granted: false, reason: 'lost_race', wait: 0, record: raced });
    }
    if (this.trace.on)
      void answer.then((said) =>
        this.trace.note(
          who.label,
          () =>
            `claims ${claim.worker} ${target} ${run()} after token ${claim.fencing}, slot ${instant(claim.from)}: ` +
            (said.granted ? 'granted before' : `${said.reason} ${Math.round(said.wait)}`),
        ),
      );
    return answer;
  }

  heartbeat(heartbeat: Heartbeat, who: Caller) {
    const before = this.record(heartbeat.worker);
    const answer = this.as(who, () => this.model.heartbeat(heartbeat));
    const after = this.record(heartbeat.worker);
    const { worker, runId } = heartbeat;
    if (before && after && before.leaseUntil !== after.leaseUntil) {
      this.wrote(worker, before);
      this.observer.renewed(heartbeat, after.leaseUntil!);
    }
    this.trace.note(
      who.label,
      () => `beats ${worker} ${this.trace.alias('run', runId)}: ${after && this.state(after)}`,
    );
    return answer;
  }

  release(release: Release, who: Caller) {
    const { worker, runId, kind, leased, retry, delay } = release;
    const before = this.record(worker);
    const asked = this.asked(release.requestId);
    const may = kind === 'done' && (retry || release.run?.outcome === 'succeeded');
    const answer = this.keeping(worker, may, () => this.as(who, () => this.model.release(release)));
    const after = this.record(worker);
    this.observer.retries(release, asked, this.asked(release.requestId));
    const accepted = leased && before?.holder !== undefined && after?.holder === undefined;
    this.trace.note(
      who.label,
      () =>
        `releases ${worker} ${this.trace.alias('run', runId)} ${kind} ${release.run?.outcome ?? ''} delay ${delay}` +
        `${retry ? ' retry' : ''}${leased ? (accepted ? '' : ' (refused)') : ' (no lease)'}: ${after && this.state(after)}`,
    );
    const seen = this.written.get(worker);
    if (before) this.wrote(worker, before);
    if (accepted)
      this.observer.released(release, before, after!, this.asked(before.requestId)?.endedAt !== undefined);
    else if (!leased && after?.owed !== undefined && before?.owed === undefined)
      this.observer.owes(worker, after.slot);
    const stale =
      leased && !accepted && seen && this.world.now - seen.at <= COMMIT && this.random.chance(0.6)
        ? seen.before
        : undefined;
    // It waited for the row's lock in vain, and reads the row as it was when it began: nothing shows that it came late.
    return stale?.runId === runId && stale.fencing === release.fencing
      ? Promise.resolve({ time: this.time.now(), record: stale })
      : answer;
  }

  request(request: RunRequestInput, who: Caller) {
    const answer = this.keeping(request.worker, false, () => this.as(who, () => this.model.request(request)));
    if (this.trace.on)
      void answer.then(({ accepted, reason }) =>
        this.trace.note(
          who.label,
          () =>
            `requests ${request.worker} ${this.trace.alias('run', request.id)} ${request.trigger} ` +
            `${request.eventId ?? ''}: ${accepted ? 'accepted' : reason}`,
        ),
      );
    return answer;
  }

  cancel(worker: string, fencing: number, who: Caller): Promise<void> {
    this.trace.note(who.label, () => `asks token ${fencing} of ${worker} to end`);
    return this.as(who, () => this.model.cancel(worker, fencing));
  }

  cancelRun(runId: string, by: Cancellation, who: Caller) {
    this.trace.note(who.label, () => `cancels run ${this.trace.alias('run', runId)}`);
    return this.as(who, () => this.model.cancelRun(runId, by));
  }

  control(worker: string, change: Control, who: Caller) {
    const before = this.record(worker);
    const answer = this.as(who, () => this.model.control(worker, change));
    const after = this.record(worker);
    if (before && after) {
      this.wrote(worker, before);
      this.observer.controlled(change, before);
      this.trace.note(who.label, () => `${change.do}s ${worker}: ${this.state(after)}`);
    }
    return answer;
  }

  announce(replica: string | undefined, absentAfter: number, who: Caller) {
    return this.as(who, () => this.model.announce(replica, absentAfter));
  }

  pulse(known: Known, who: Caller) {
    return this.as(who, () => this.model.pulse(known));
  }

  records(who: Caller) {
    return this.as(who, () => this.model.records());
  }

  async assertCurrent(held: HeldLease, who: Caller): Promise<void> {
    this.trace.note(who.label, () => `asserts ${held.worker} token ${held.fencing}`);
    const { token } = this.observer.ledger(held.worker);
    await this.as(who, () => this.model.assertCurrent(held));
    // Granted by then, not since.
    if (token !== held.fencing) this.observer.asserted(held);
  }

  prune(age: number, who: Caller): Promise<void> {
    return this.as(who, () => this.model.prune(age));
  }

  private as<T>(who: Caller, call: () => T): T {
    this.caller = who;
    return call();
  }

  private wrote(worker: string, before: WorkerRecord | undefined): void {
    if (before) this.written.set(worker, { at: this.world.now, before });
  }

  /**
   * What a statement is answered that would have been granted by the record it saw first, waited for the row's lock,
   * and found the record changed: that it was too late, and the record that it saw first.
   */
  private raced(claim: Claim): WorkerRecord | undefined {
    const last = this.written.get(claim.worker);
    if (!last || this.world.now - last.at > COMMIT || !this.random.chance(0.6)) return undefined;
    const { before } = last;
    if (before.fencing !== claim.fencing || before.slot !== claim.from) return undefined;
    if (before.runId === claim.runId || this.record(claim.worker)?.runId === claim.runId) return undefined;
    const time = this.time.now();
    const free =
      'request' in claim.target
        ? before.leaseUntil === undefined || before.leaseUntil <= time
        : refusalOf({ ...before, previous: undefined }, claim, time, () => false) === undefined;
    return free ? before : undefined;
  }

  private state(record: WorkerRecord): string {
    const { slot, done, owed, fencing, holder, leaseUntil, notBefore, paused, cancelRequested } = record;
    const { missedCount, skippedCount, supersededCount } = record.status;
    return [
      `[${instant(slot)}${done ? '' : ' open'}${owed === undefined ? '' : ` owed ${owed}`} token ${fencing}`,
      ...(holder === undefined || leaseUntil === undefined ? [] : [`held until ${instant(leaseUntil)}`]),
      ...(notBefore === undefined ? [] : [`not before ${instant(notBefore)}`]),
      ...(paused ? ['paused'] : []),
      ...(cancelRequested ? ['cancel'] : []),
      `${missedCount}m ${skippedCount}s ${supersededCount}x]`,
    ].join(', ');
  }
}
