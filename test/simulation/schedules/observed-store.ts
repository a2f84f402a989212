import { type Row } from '../../../src/modules/schedules/in-memory-schedule.row.js';
import { InMemoryScheduleStore } from '../../../src/modules/schedules/in-memory-schedule.store.js';
import { type Clock } from '../../../src/core/timing/clock.js';
import {
  type ClaimId,
  type NewSchedule,
  type ScheduleClaimOptions,
  type ScheduleClaims,
  type ScheduleResult,
  type UpsertSummary,
} from '../../../src/modules/schedules/schedule.store.js';
import { type StoreClock } from '../store-clock.js';
import { type Trace } from '../trace.js';
import { type ScheduleObserver } from './observer.js';

/** The store's clock in whole milliseconds, as its rows have them. */
export function clockOf(time: StoreClock): Clock {
  const now = (): number => Math.round(time.now());
  return { now, monotonic: now } as Clock;
}

/** The rule in memory, and everything that it answers told to the observer. */
export class ObservedStore extends InMemoryScheduleStore {
  down = false;
  private readonly observer: ScheduleObserver;
  private readonly trace: Trace;

  constructor(time: StoreClock, observer: ScheduleObserver, trace: Trace) {
    super(clockOf(time));
    this.observer = observer;
    this.trace = trace;
  }

  /** A copy: what it was. */
  row(handler: string, key: string): Row | undefined {
    const row = this.table.get(JSON.stringify([handler, key]));
    return row && { ...row };
  }

  all(): Row[] {
    return [...this.table.values()];
  }

  override upsert(schedules: readonly NewSchedule[]): Promise<UpsertSummary> {
    for (const { handler, key, timing } of schedules) {
      const row = this.row(handler, key);
      if (!row) this.observer.created({ handler, key });
      else if (row.timing !== timing) this.observer.changed({ handler, key });
    }
    return super.upsert(schedules);
  }

  override async cancel(...given: Parameters<InMemoryScheduleStore['cancel']>): Promise<boolean | undefined> {
    const cancelled = await super.cancel(...given);
    const [handler, key] = given;
    if (cancelled) this.observer.cancelled(this.row(handler, key)!);
    return cancelled;
  }

  override async claim(options: ScheduleClaimOptions): Promise<ScheduleClaims> {
    const before = new Map([...this.table].map(([name, row]) => [name, { ...row }]));
    const answer = await super.claim(options);
    for (const claim of answer.claims) {
      this.trace.note(
        'store',
        () => `gives ${claim.key} to ${options.replica.slice(0, 4)}, token ${claim.token}`,
      );
      this.observer.granted(claim, before.get(JSON.stringify([claim.handler, claim.key]))!, options.horizon);
    }
    return answer;
  }

  override async settle(results: readonly ScheduleResult[]): Promise<Set<number>> {
    // One after the other, as two of one statement are two rows.
    const taken = new Set<number>();
    for (const result of results) {
      const { handler, key, token } = result.claim;
      const before = this.row(handler, key);
      const accepted = (await super.settle([result])).has(token);
      this.trace.note(
        'store',
        () =>
          `${accepted ? 'takes' : 'refuses'} ${result.run?.outcome ?? 'what is given back'} of ${key}, token ${token}`,
      );
      if (!accepted) continue;
      taken.add(token);
      const after = this.row(handler, key);
      // Without one somebody has removed it just after that.
      if (after) this.observer.settled(result, before!, after);
    }
    return taken;
  }

  override async renew(claims: readonly ClaimId[], lease: number): Promise<Set<number>> {
    const kept = await super.renew(claims, lease);
    for (const claim of claims)
      if (kept.has(claim.token) && this.row(claim.handler, claim.key))
        this.observer.renewed(claim.token, claim, this.row(claim.handler, claim.key)!.due!);
    return kept;
  }

  override async assertCurrent(claim: ClaimId): Promise<boolean> {
    const current = await super.assertCurrent(claim);
    if (current) this.observer.asserted(claim);
    return current;
  }

  private get table(): Map<string, Row> {
    return (this as unknown as { rows: Map<string, Row> }).rows;
  }
}

/** Makes the store: the real rule, or a broken one that has to be found out. */
export type StoreModel = new (...args: ConstructorParameters<typeof ObservedStore>) => ObservedStore;
