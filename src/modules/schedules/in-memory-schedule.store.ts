import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/timing/clock.js';
import { type Cancellation } from '../../core/worker/cancellation.js';
import { type TransactionRunner } from '../../core/worker/run-context.js';
import {
  byHandler,
  claimOf,
  countsOf,
  isFailing,
  nameOf,
  type Row,
  settleRow,
  shown,
  troubleOf,
} from './in-memory-schedule.row.js';
import { type Schedule } from './schedule.js';
import {
  type ClaimId,
  type HandlerCounts,
  type HandlerTrouble,
  type NewSchedule,
  type ScheduleClaim,
  type ScheduleClaimOptions,
  type ScheduleClaims,
  type ScheduleFilter,
  type ScheduleResult,
  ScheduleStore,
  type Turn,
  type UpsertSummary,
} from './schedule.store.js';

/**
 * Schedules in the memory of the process, by its clock: for tests, and where they may go with the process. Each look at what is due goes
 * through all of them.
 */
@Injectable()
export class InMemoryScheduleStore extends ScheduleStore {
  readonly shared = false;
  private readonly rows = new Map<string, Row>();
  /** Handlers that this process has: for as long as it lives, as what is kept here. */
  private readonly known = new Set<string>();
  private tokens = 0;

  constructor(private readonly clock: Clock) {
    super();
  }

  now(): Promise<Date> {
    return Promise.resolve(new Date(this.clock.now()));
  }

  async upsert(schedules: readonly NewSchedule[], manager?: TransactionRunner): Promise<UpsertSummary> {
    refuse(manager);
    const summary = { created: 0, changed: 0, unchanged: 0 };
    for (const schedule of schedules) summary[this.write(schedule)]++;
    return summary;
  }

  async find(handler: string, key: string): Promise<Schedule | undefined> {
    const row = this.rows.get(nameOf(handler, key));
    return row && shown(row, this.clock.now());
  }

  async remove(handler: string, key: string, manager?: TransactionRunner): Promise<boolean> {
    refuse(manager);
    return this.rows.delete(nameOf(handler, key));
  }

  async list({ handler, keyPrefix = '', state, after, limit }: ScheduleFilter): Promise<Schedule[]> {
    const rows = this.inOrder().filter(
      (row) =>
        (handler === undefined || row.handler === handler) &&
        row.key.startsWith(keyPrefix) &&
        (!after || row.handler > after.handler || (row.handler === after.handler && row.key > after.key)),
    );
    const schedules = rows.map((row) => shown(row, this.clock.now()));
    return schedules.filter((schedule) => state === undefined || schedule.state === state).slice(0, limit);
  }

  async handlers(): Promise<HandlerCounts[]> {
    return [...byHandler(this.inOrder())].map(([handler, rows]) => ({
      handler,
      known: this.known.has(handler),
      ...countsOf(rows, this.clock.now()),
    }));
  }

  async pause(handler: string, key: string, manager?: TransactionRunner): Promise<boolean> {
    refuse(manager);
    const row = this.rows.get(nameOf(handler, key));
    if (!row || row.endedAt !== null) return false;
    row.pausedAt ??= row.changedAt = this.clock.now();
    if (!row.claimed && row.triggeredAt === null) row.due = null;
    return true;
  }

  async resume(
    handler: string,
    key: string,
    turn: Turn | null,
    manager?: TransactionRunner,
  ): Promise<boolean> {
    refuse(manager);
    const row = this.rows.get(nameOf(handler, key));
    if (!row || row.pausedAt === null) return row !== undefined;
    const now = this.clock.now();
    // Its last run was active when it was paused.
    if (row.endedAt !== null) turn = null;
    Object.assign(row, { pausedAt: null, changedAt: now, revision: ++this.tokens, turn, attempt: 1 });
    row.endedAt ??= turn ? null : now;
    if (!row.claimed) row.claims = 0;
    if (!row.claimed && row.triggeredAt === null) row.due = turn?.plannedAt ?? null;
    return true;
  }

  async trigger(
    handler: string,
    key: string,
    actor: string | undefined,
    manager?: TransactionRunner,
  ): Promise<boolean> {
    refuse(manager);
    const row = this.rows.get(nameOf(handler, key));
    if (!row) return false;
    const now = this.clock.now();
    row.triggeredAt = Math.max(now, (row.triggeredAt ?? -Infinity) + 1);
    row.triggeredBy = actor ?? null;
    if (!row.claimed) row.due = Math.min(now, row.due ?? Infinity);
    return true;
  }

  async cancel(
    handler: string,
    key: string,
    by: Cancellation,
    token: number | undefined,
    manager?: TransactionRunner,
  ): Promise<boolean | undefined> {
    refuse(manager);
    const row = this.rows.get(nameOf(handler, key));
    if (!row) return undefined;
    if (!row.claimed || row.due! <= this.clock.now() || row.token !== (token ?? row.token)) return false;
    if (row.cancellation?.token !== row.token) row.cancellation = { token: row.token, by };
    return true;
  }

  async cancellations(): Promise<Map<number, Cancellation>> {
    const cancelled = new Map<number, Cancellation>();
    for (const { claimed, token, cancellation } of this.rows.values())
      if (claimed && cancellation?.token === token) cancelled.set(token, cancellation.by);
    return cancelled;
  }

  async know(handlers: readonly string[]): Promise<void> {
    for (const handler of handlers) this.known.add(handler);
  }

  async unknownHandlers(): Promise<string[]> {
    const waiting = [...this.rows.values()].filter(({ due }) => due !== null);
    return [...new Set(waiting.map(({ handler }) => handler))].filter((handler) => !this.known.has(handler));
  }

  async troubles(): Promise<HandlerTrouble[]> {
    const unknown = await this.unknownHandlers();
    const troubles = [...byHandler(this.inOrder())].flatMap(([handler, rows]) => [
      troubleOf(
        'failing',
        handler,
        rows.filter((row) => isFailing(row, this.clock.now())),
      ),
      troubleOf(
        'unknown_handler',
        handler,
        unknown.includes(handler) ? rows.filter(({ due }) => due !== null) : [],
      ),
    ]);
    return troubles.filter((trouble) => trouble !== undefined);
  }

  async prune(age: number): Promise<number> {
    const before = this.clock.now() - age;
    const old = [...this.rows].filter(
      ([, row]) => row.endedAt !== null && row.endedAt < before && !row.claimed,
    );
    for (const [name] of old.slice(0, 1_000)) this.rows.delete(name);
    return Math.min(old.length, 1_000);
  }

  async claim({ limits, without = [], horizon, lease }: ScheduleClaimOptions): Promise<ScheduleClaims> {
    const now = this.clock.now();
    const claims: ScheduleClaim[] = [];
    for (const [handler, limit] of limits) {
      const { most, share } = typeof limit === 'number' ? { most: limit, share: limit } : limit;
      const due = [...this.rows.values()].filter(
        (row) =>
          row.handler === handler &&
          row.due !== null &&
          row.due <= now + (row.claimed ? 0 : horizon) &&
          !without.some((full) => full.handler === handler && full.group === row.group),
      );
      due.sort((a, b) => a.due! - b.due!);
      const taken = new Map<string, number>();
      for (const row of due.slice(0, most)) {
        const others = row.group === null ? 0 : (taken.get(row.group) ?? 0);
        if (others >= share) continue;
        if (row.group !== null) taken.set(row.group, others + 1);
        row.due = now + Math.max(lease, horizon + 1);
        row.token = ++this.tokens;
        row.claimed = true;
        row.claims++;
        claims.push(claimOf(row, row.due));
      }
    }
    return { claims, now: new Date(now) };
  }

  async begin(claim: ClaimId): Promise<number | undefined> {
    const row = this.heldBy(claim);
    return row && ++row.attempt;
  }

  async settle(results: readonly ScheduleResult[]): Promise<Set<number>> {
    return new Set(
      results.flatMap((result) => {
        const row = this.heldBy(result.claim);
        if (row) settleRow(row, result, this.clock.now());
        return row ? [row.token] : [];
      }),
    );
  }

  async renew(claims: readonly ClaimId[], lease: number): Promise<Set<number>> {
    const rows = claims.flatMap((claim) => this.heldBy(claim) ?? []);
    for (const row of rows) row.due = this.clock.now() + lease;
    return new Set(rows.map(({ token }) => token));
  }

  async assertCurrent(claim: ClaimId): Promise<boolean> {
    return this.heldBy(claim) !== undefined;
  }

  async nextDue(handlers: readonly string[]): Promise<Date | undefined> {
    const now = this.clock.now();
    let next = Infinity;
    for (const { handler, due } of this.rows.values())
      if (due !== null && due > now && due < next && handlers.includes(handler)) next = due;
    return next === Infinity ? undefined : new Date(next);
  }

  private inOrder(): Row[] {
    return [...this.rows.values()].sort((a, b) =>
      a.handler !== b.handler ? (a.handler < b.handler ? -1 : 1) : a.key < b.key ? -1 : 1,
    );
  }

  private write({ handler, key, timing, payload, group, turn }: NewSchedule): keyof UpsertSummary {
    const now = this.clock.now();
    const row = this.rows.get(nameOf(handler, key));
    const begun = { timing, payload, group, changedAt: now };
    const anew = { revision: ++this.tokens, turn, attempt: 1, claims: 0, endedAt: turn ? null : now };
    if (!row) {
      const counts = { turns: 0, runs: 0, failures: 0, missed: 0, consecutiveFailures: 0, last: undefined };
      const free = { token: 0, claimed: false, triggeredAt: null, triggeredBy: null, cancellation: null };
      const due = turn?.plannedAt ?? null;
      this.rows.set(nameOf(handler, key), {
        handler,
        key,
        ...begun,
        createdAt: now,
        ...anew,
        due,
        ...free,
        pausedAt: null,
        ...counts,
      });
      return 'created';
    }
    if (row.timing === timing && row.payload === payload && row.group === group) return 'unchanged';
    const same = row.timing === timing;
    Object.assign(row, begun);
    if (same) return 'changed';
    Object.assign(row, anew, { turns: 0, consecutiveFailures: 0 });
    if (!row.claimed && row.triggeredAt === null)
      row.due = row.pausedAt === null ? (turn?.plannedAt ?? null) : null;
    return 'changed';
  }

  private heldBy({ handler, key, token }: ClaimId): Row | undefined {
    const row = this.rows.get(nameOf(handler, key));
    return row?.claimed && row.token === token ? row : undefined;
  }
}

function refuse(manager: TransactionRunner | undefined): void {
  if (manager) throw new TypeError('manager: schedules in memory take part in no transaction: leave it out');
}
