import { type Cancellation } from '../../../src/core/worker/cancellation.js';
import { type TransactionRunner } from '../../../src/core/worker/run-context.js';
import {
  type ClaimId,
  type NewSchedule,
  type ScheduleClaimOptions,
  type ScheduleFilter,
  type ScheduleResult,
  ScheduleStore,
  type Turn,
} from '../../../src/modules/schedules/schedule.store.js';
import { type Wire } from '../wire.js';

/** The store as a replica has it: at the other end of a wire. */
export class RemoteStore extends ScheduleStore {
  readonly shared = true;

  constructor(
    private readonly store: ScheduleStore,
    private readonly wire: Wire,
  ) {
    super();
  }

  now() {
    return this.wire.call('now', () => this.store.now());
  }
  upsert(schedules: readonly NewSchedule[]) {
    return this.wire.call('upsert', () => this.store.upsert(schedules));
  }
  find(handler: string, key: string) {
    return this.wire.call(`find ${key}`, () => this.store.find(handler, key));
  }
  remove(handler: string, key: string) {
    return this.wire.call(`remove ${key}`, () => this.store.remove(handler, key));
  }
  list(filter: ScheduleFilter) {
    return this.wire.call('list', () => this.store.list(filter));
  }
  handlers() {
    return this.wire.call('handlers', () => this.store.handlers());
  }
  pause(handler: string, key: string) {
    return this.wire.call(`pause ${key}`, () => this.store.pause(handler, key));
  }
  resume(handler: string, key: string, turn: Turn | null) {
    return this.wire.call(`resume ${key}`, () => this.store.resume(handler, key, turn));
  }
  trigger(handler: string, key: string, actor: string | undefined) {
    return this.wire.call(`trigger ${key}`, () => this.store.trigger(handler, key, actor));
  }
  cancel(handler: string, key: string, by: Cancellation, token: number | undefined) {
    return this.wire.call(`cancel ${key}`, () => this.store.cancel(handler, key, by, token));
  }
  cancellations(replica: string) {
    return this.wire.call('cancellations', () => this.store.cancellations(replica));
  }
  know(handlers: readonly string[]) {
    return this.wire.call('know', () => this.store.know(handlers));
  }
  unknownHandlers() {
    return this.wire.call('unknown handlers', () => this.store.unknownHandlers());
  }
  troubles() {
    return this.wire.call('troubles', () => this.store.troubles());
  }
  prune(age: number) {
    return this.wire.call('prune', () => this.store.prune(age));
  }
  claim(options: ScheduleClaimOptions) {
    return this.wire.call('claim', () => this.store.claim(options));
  }
  begin(claim: ClaimId) {
    return this.wire.call(`begin ${claim.key}`, () => this.store.begin(claim));
  }
  settle(results: readonly ScheduleResult[]) {
    // What was sent does not change, whatever becomes of the list.
    const sent = [...results];
    return this.wire.call(`settle ${sent.map(({ claim }) => claim.key).join()}`, () =>
      this.store.settle(sent),
    );
  }
  renew(claims: readonly ClaimId[], lease: number) {
    return this.wire.call(`renew ${claims.map(({ key }) => key).join()}`, () =>
      this.store.renew(claims, lease),
    );
  }
  assertCurrent(claim: ClaimId, manager: TransactionRunner) {
    return this.wire.call(`assert ${claim.key}`, () => this.store.assertCurrent(claim, manager));
  }
  nextDue() {
    return Promise.resolve(undefined);
  }
}
