import { type Clock } from '../../../src/core/timing/clock.js';
import { type Row } from '../../../src/modules/schedules/in-memory-schedule.row.js';
import {
  type ClaimId,
  type NewSchedule,
  type ScheduleClaimOptions,
  type ScheduleClaims,
  type ScheduleFilter,
  type ScheduleResult,
  ScheduleStore,
  type Turn,
  type UpsertSummary,
} from '../../../src/modules/schedules/schedule.store.js';
import { type StoreClock } from '../store-clock.js';
import { type Trace } from '../trace.js';
import { type World } from '../world.js';
import { type ModelStore, type StoreModel } from './models.js';
import { nameOf, type ScheduleObserver } from './observer.js';

/** The store's clock in whole milliseconds, as its rows have them. */
export function clockOf(time: StoreClock): Clock {
  const now = (): number => Math.round(time.now());
  return { now, monotonic: now } as Clock;
}

/** A store, one call after the other, and everything that it answers told to the observer. */
export class ObservedStore extends ScheduleStore {
  readonly shared = true;
  down = false;
  private readonly store: ModelStore;
  private before: Promise<unknown> = Promise.resolve();

  constructor(
    model: StoreModel,
    time: StoreClock,
    private readonly world: World,
    private readonly observer: ScheduleObserver,
    private readonly trace: Trace,
  ) {
    super();
    this.store = model(clockOf(time));
  }

  /** A copy of it, as it is. */
  row(handler: string, key: string): Row | undefined {
    for (const row of this.store.all()) if (row.handler === handler && row.key === key) return { ...row };
    return undefined;
  }

  all(): Readonly<Row>[] {
    return [...this.store.all()];
  }

  now() {
    return this.inTurn(() => this.store.now());
  }
  find(handler: string, key: string) {
    return this.inTurn(() => this.store.find(handler, key));
  }
  remove(handler: string, key: string) {
    return this.inTurn(() => this.store.remove(handler, key));
  }
  list(filter: ScheduleFilter) {
    return this.inTurn(() => this.store.list(filter));
  }
  handlers() {
    return this.inTurn(() => this.store.handlers());
  }
  pause(handler: string, key: string) {
    return this.inTurn(() => this.store.pause(handler, key));
  }
  resume(handler: string, key: string, turn: Turn | null) {
    return this.inTurn(() => this.store.resume(handler, key, turn));
  }
  trigger(handler: string, key: string, actor: string | undefined) {
    return this.inTurn(() => this.store.trigger(handler, key, actor));
  }
  know(handlers: readonly string[]) {
    return this.inTurn(() => this.store.know(handlers));
  }
  unknownHandlers() {
    return this.inTurn(() => this.store.unknownHandlers());
  }
  troubles() {
    return this.inTurn(() => this.store.troubles());
  }
  prune(age: number) {
    return this.inTurn(() => this.store.prune(age));
  }
  cancellations(replica: string) {
    return this.inTurn(() => this.store.cancellations(replica));
  }
  begin(claim: ClaimId) {
    return this.inTurn(() => this.store.begin(claim));
  }
  nextDue() {
    return Promise.resolve(undefined);
  }

  upsert(schedules: readonly NewSchedule[]): Promise<UpsertSummary> {
    return this.inTurn(() => {
      for (const { handler, key, timing } of schedules) {
        const row = this.row(handler, key);
        if (!row) this.observer.created({ handler, key });
        else if (row.timing !== timing) this.observer.changed({ handler, key });
      }
      return this.store.upsert(schedules);
    });
  }

  cancel(...given: Parameters<ScheduleStore['cancel']>): Promise<boolean | undefined> {
    return this.inTurn(async () => {
      const cancelled = await this.store.cancel(...given);
      const [handler, key] = given;
      if (cancelled) this.observer.cancelled(this.row(handler, key)!);
      return cancelled;
    });
  }

  claim(options: ScheduleClaimOptions): Promise<ScheduleClaims> {
    return this.inTurn(async () => {
      const paused = new Set<string>();
      for (const row of this.store.all()) if (row.pausedAt !== null) paused.add(nameOf(row));
      const answer = await this.store.claim(options);
      // Those of one statement are in no order.
      for (const claim of answer.claims.toSorted((a, b) => a.token - b.token)) {
        const { key, token } = claim;
        this.trace.note('store', () => `gives ${key} to ${options.replica.slice(0, 4)}, token ${token}`);
        this.observer.granted(claim, paused.has(nameOf(claim)), options.horizon);
      }
      return answer;
    });
  }

  settle(results: readonly ScheduleResult[]): Promise<Set<number>> {
    return this.inTurn(async () => {
      // One after the other, as two of one statement are two rows.
      const taken = new Set<number>();
      for (const result of results) {
        const { handler, key, token } = result.claim;
        const before = this.row(handler, key);
        const accepted = (await this.store.settle([result])).has(token);
        this.trace.note(
          'store',
          () =>
            `${accepted ? 'takes' : 'refuses'} ${result.run?.outcome ?? 'what is given back'} of ${key}, token ${token}`,
        );
        if (!accepted) continue;
        taken.add(token);
        this.observer.settled(result, before!, this.row(handler, key)!);
      }
      return taken;
    });
  }

  renew(claims: readonly ClaimId[], lease: number): Promise<Set<number>> {
    return this.inTurn(async () => {
      const kept = await this.store.renew(claims, lease);
      for (const claim of claims)
        if (kept.has(claim.token))
          this.observer.renewed(claim.token, claim, this.row(claim.handler, claim.key)!.due!);
      return kept;
    });
  }

  assertCurrent(claim: ClaimId, manager: Parameters<ScheduleStore['assertCurrent']>[1]): Promise<boolean> {
    return this.inTurn(async () => {
      const current = await this.store.assertCurrent(claim, manager);
      if (current) this.observer.asserted(claim);
      return current;
    });
  }

  private inTurn<T>(call: () => Promise<T>): Promise<T> {
    const answer = this.before.then(call);
    this.before = answer.catch(() => {});
    return this.world.standStill(answer);
  }
}
