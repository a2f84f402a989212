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
import { type ReplicaClock } from './replica-clock.js';
import { type Caller, type Store } from './store.js';
import { type Trace } from './trace.js';
import { type World } from './world.js';

/** How often what goes wrong between a replica and the store: probabilities per call. */
export interface Weather {
  /** Milliseconds, the mean of either way. */
  readonly latency: number;
  readonly requestLost: number;
  readonly answerLost: number;
  /** The request is under way for up to 12 s, and may get there when nobody waits for it any more. */
  readonly requestLate: number;
  readonly answerLate: number;
  /** It gets there twice, the second time up to 12 s later. */
  readonly doubled: number;
  /** The replica dies while it waits for the answer. */
  readonly crash: number;
}

export const FAIR: Weather = {
  latency: 1,
  requestLost: 0,
  answerLost: 0,
  requestLate: 0,
  answerLate: 0,
  doubled: 0,
  crash: 0,
};

/** When a client gives up, milliseconds of its own clock. */
const TIMEOUT = 5_000;
export const LATEST = 12_000;

/** What the network needs of the process that calls. */
export interface Host extends Caller {
  readonly clock: ReplicaClock;
  /** Runs a callback if and when the process runs. */
  enter(callback: () => void): void;
  crash(why: string): void;
}

/** The way from a replica to the store and back, on which anything may happen. */
export class Network extends Coordinator {
  constructor(
    private readonly host: Host,
    private readonly store: Store,
    private readonly world: World,
    private readonly random: Random,
    private readonly trace: Trace,
    private readonly weather: () => Weather,
  ) {
    super();
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
    const { host, world, random } = this;
    const weather = this.weather();
    return new Promise<T>((resolve, reject) => {
      let settled = false;
      const timer = host.clock.setTimer(() => {
        settled = true;
        this.trace.note(host.label, () => `gives up on ${what}`);
        reject(new Error(`no answer to ${what}`));
      }, TIMEOUT);
      const settle = (by: () => void, delay: number): void => {
        world.in(delay, () =>
          host.enter(() => {
            if (settled) return;
            settled = true;
            timer.cancel();
            by();
          }),
        );
      };
      const arrive = (answers: boolean): void => {
        if (this.store.down) {
          // Half of them hear of it at once: the connection is refused.
          if (random.chance(0.5)) settle(() => reject(new Error('the store is down')), this.latency(weather));
          return;
        }
        const answer = apply();
        answer.catch((error: unknown) => {
          if (!(error instanceof StaleRunError)) throw error;
        });
        if (answers && !random.chance(weather.answerLost)) {
          const late = random.chance(weather.answerLate) ? random.between(0, LATEST) : 0;
          settle(() => void answer.then(resolve, reject), this.latency(weather) + late);
        } else this.trace.note(host.label, () => `will not hear the answer to ${what}`);
      };
      if (random.chance(weather.crash))
        world.in(random.pick([0, 0, 2 * weather.latency]), () => host.crash(`during ${what}`));
      if (random.chance(weather.doubled))
        world.in(random.between(0, LATEST), () => arrive(random.chance(0.5)));
      if (random.chance(weather.requestLost)) {
        this.trace.note(host.label, () => `${what} is lost`);
        return;
      }
      const late = random.chance(weather.requestLate) ? random.between(0, LATEST) : 0;
      const delay = this.latency(weather) + late;
      if (delay < 0.2) arrive(true);
      else
        // What comes of it is heard with the answer; only the trace wants to know at once.
        world.in(delay, () => arrive(true), !this.trace.on);
    });
  }

  private latency({ latency }: Weather): number {
    return this.random.exponential(latency);
  }
}
