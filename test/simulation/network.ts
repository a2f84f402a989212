import { StaleRunError } from '../../src/core/coordination/coordination.errors.js';
import {
  type Claim,
  type Control,
  Coordinator,
  type Enrolment,
  type Heartbeat,
  type HeldLease,
  type Known,
  type Release,
  type RunRequestInput,
} from '../../src/core/coordination/coordinator.js';
import { type Cancellation } from '../../src/core/worker/cancellation.js';
import { type Random } from './random.js';
import { type Caller, type Store } from './store.js';
import { type Trace } from './trace.js';
import { type Caller as WireCaller, type Weather, Wire } from './wire.js';
import { type World } from './world.js';

/** The process that calls. */
export interface Host extends Caller, WireCaller {}

/** The way from a replica to the store and back, on which anything may happen. */
export class Network extends Coordinator {
  private readonly wire: Wire;

  constructor(
    private readonly host: Host,
    private readonly store: Store,
    world: World,
    random: Random,
    trace: Trace,
    weather: () => Weather,
  ) {
    super();
    this.wire = new Wire(
      host,
      store,
      world,
      random,
      trace,
      weather,
      (error) => error instanceof StaleRunError,
    );
  }

  open(): Promise<void> {
    return this.call('open', () => Promise.resolve());
  }
  enroll(workers: readonly Enrolment[]) {
    return this.call('enroll', () => this.store.enroll(workers, this.host));
  }
  claim(claim: Claim) {
    return this.call(`claim ${claim.worker}`, () => this.store.claim(claim, this.host));
  }
  heartbeat(heartbeat: Heartbeat) {
    return this.call(`heartbeat ${heartbeat.worker}`, () => this.store.heartbeat(heartbeat, this.host));
  }
  release(release: Release) {
    // The record goes on changing in the process; what was sent does not.
    const sent = { ...release, ...(release.run && { run: { ...release.run } }) };
    return this.call(`release ${release.worker}`, () => this.store.release(sent, this.host));
  }
  request(request: RunRequestInput) {
    return this.call(`request ${request.worker}`, () => this.store.request(request, this.host));
  }
  cancel(worker: string, fencing: number) {
    return this.call(`cancel ${worker}`, () => this.store.cancel(worker, fencing, this.host));
  }
  cancelRun(runId: string, by: Cancellation) {
    return this.call(`cancel run ${runId}`, () => this.store.cancelRun(runId, by, this.host));
  }
  control(worker: string, change: Control) {
    return this.call(`control ${worker}`, () => this.store.control(worker, change, this.host));
  }
  announce(replica: string | undefined, absentAfter: number) {
    return this.call('announce', () => this.store.announce(replica, absentAfter, this.host));
  }
  pulse(known: Known) {
    return this.call('pulse', () => this.store.pulse(known, this.host));
  }
  records() {
    return this.call('records', () => this.store.records(this.host));
  }
  /** A statement of the caller's transaction: it is not repeated. */
  assertCurrent(held: HeldLease) {
    return this.call(`assert ${held.worker}`, () => this.store.assertCurrent(held, this.host));
  }
  prune(age: number) {
    return this.call('prune', () => this.store.prune(age, this.host));
  }
  async close(): Promise<void> {}

  private call<T>(what: string, apply: () => Promise<T>): Promise<T> {
    return this.wire.call(what, apply);
  }
}
