import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/timing/clock.js';
import { type TransactionRunner } from '../../core/worker/run-context.js';
import { type Schedule, type ScheduleTiming } from './schedule.js';
import {
  type HeldSchedule,
  type NewSchedule,
  type ScheduleClaim,
  type ScheduleClaimOptions,
  type ScheduleClaims,
  type ScheduleResult,
  type ScheduleRun,
  ScheduleStore,
  type Turn,
  type UpsertSummary,
} from './schedule.store.js';

/** A row as the table has it. Instants are milliseconds. */
interface Row {
  readonly handler: string;
  readonly key: string;
  timing: string;
  payload: string | null;
  group: string | null;
  readonly createdAt: number;
  changedAt: number;
  revision: number;
  turn: Turn | null;
  due: number | null;
  attempt: number;
  claims: number;
  token: number;
  claimed: boolean;
  triggeredAt: number | null;
  triggeredBy: string | null;
  pausedAt: number | null;
  endedAt: number | null;
  turns: number;
  runs: number;
  failures: number;
  missed: number;
  consecutiveFailures: number;
  last: ScheduleRun | undefined;
}

const FAILURES = ['failed', 'timed_out', 'lost'];
/** Outcomes that say nothing of the work itself. */
const NEUTRAL = ['aborted', 'cancelled'];

/**
 * Schedules in the memory of the process, by its clock: for tests, and where they may go with the process. Each look at what is due goes
 * through all of them.
 */
@Injectable()
export class InMemoryScheduleStore extends ScheduleStore {
  readonly shared = false;
  private readonly rows = new Map<string, Row>();
  private tokens = 0;

  constructor(private readonly clock: Clock) {
    super();
  }

  now(): Promise<Date> {
    return Promise.resolve(new Date(this.clock.now()));
  }

  async upsert(schedules: readonly NewSchedule[], manager?: TransactionRunner): Promise<UpsertSummary> {
    if (manager)
      throw new TypeError('manager: schedules in memory take part in no transaction: leave it out');
    const summary = { created: 0, changed: 0, unchanged: 0 };
    for (const schedule of schedules) summary[this.write(schedule)]++;
    return summary;
  }

  async find(handler: string, key: string): Promise<Schedule | undefined> {
    const row = this.rows.get(nameOf(handler, key));
    return row && shown(row, this.clock.now());
  }

  async remove(handler: string, key: string): Promise<boolean> {
    return this.rows.delete(nameOf(handler, key));
  }

  async claim({ limits, horizon, lease }: ScheduleClaimOptions): Promise<ScheduleClaims> {
    const now = this.clock.now();
    const claims: ScheduleClaim[] = [];
    for (const [handler, limit] of limits) {
      const due = [...this.rows.values()].filter(
        (row) => row.handler === handler && row.due !== null && row.due <= now + horizon,
      );
      due.sort((a, b) => a.due! - b.due!);
      for (const row of due.slice(0, limit)) {
        row.due = now + Math.max(lease, horizon + 1);
        row.token = ++this.tokens;
        row.claimed = true;
        row.claims++;
        claims.push(claimOf(row, row.due));
      }
    }
    return { claims, now: new Date(now) };
  }

  async begin(held: readonly HeldSchedule[]): Promise<Map<number, number>> {
    return new Map(this.held(held).map((row) => [row.token, ++row.attempt]));
  }

  async settle(results: readonly ScheduleResult[]): Promise<Set<number>> {
    return new Set(
      results.flatMap((result) => {
        const [row] = this.held([result.claim]);
        if (row) this.settleRow(row, result);
        return row ? [row.token] : [];
      }),
    );
  }

  async renew(held: readonly HeldSchedule[], lease: number): Promise<Set<number>> {
    const rows = this.held(held);
    for (const row of rows) row.due = this.clock.now() + lease;
    return new Set(rows.map(({ token }) => token));
  }

  async assertCurrent(held: HeldSchedule): Promise<boolean> {
    return this.held([held]).length > 0;
  }

  async nextDue(handlers: readonly string[]): Promise<Date | undefined> {
    let next = Infinity;
    for (const { handler, due } of this.rows.values())
      if (due !== null && due < next && handlers.includes(handler)) next = due;
    return next === Infinity ? undefined : new Date(next);
  }

  private write({ handler, key, timing, payload, group, turn }: NewSchedule): keyof UpsertSummary {
    const now = this.clock.now();
    const row = this.rows.get(nameOf(handler, key));
    const begun = { timing, payload, group, changedAt: now };
    const anew = { revision: ++this.tokens, turn, attempt: 1, claims: 0, endedAt: turn ? null : now };
    if (!row) {
      const counts = { turns: 0, runs: 0, failures: 0, missed: 0, consecutiveFailures: 0, last: undefined };
      const free = { token: 0, claimed: false, triggeredAt: null, triggeredBy: null, pausedAt: null };
      const due = turn?.plannedAt ?? null;
      this.rows.set(nameOf(handler, key), {
        handler,
        key,
        ...begun,
        createdAt: now,
        ...anew,
        due,
        ...free,
        ...counts,
      });
      return 'created';
    }
    if (row.timing === timing && row.payload === payload && row.group === group) return 'unchanged';
    const same = row.timing === timing;
    Object.assign(row, begun);
    if (same) return 'changed';
    Object.assign(row, anew, { consecutiveFailures: 0 });
    if (!row.claimed && row.triggeredAt === null)
      row.due = row.pausedAt === null ? (turn?.plannedAt ?? null) : null;
    return 'changed';
  }

  private settleRow(row: Row, { claim, turn, attempt, claims, missed, turns, run }: ScheduleResult): void {
    const current = row.revision === claim.revision;
    if (current) {
      Object.assign(row, { turn, attempt, claims, turns: row.turns + turns });
      if ((turn === null) !== (row.endedAt !== null)) row.endedAt = turn ? null : this.clock.now();
    } else row.claims = 0;
    const asked = row.triggeredAt !== null && row.triggeredAt !== claim.triggeredAt;
    row.due = asked ? row.triggeredAt : row.pausedAt === null ? (row.turn?.plannedAt ?? null) : null;
    if (!asked) row.triggeredAt = null;
    row.claimed = false;
    row.missed += missed;
    if (!run) return;
    row.last = run;
    if (run.id !== undefined) row.runs++;
    if (FAILURES.includes(run.outcome)) row.failures++;
    if (!current || NEUTRAL.includes(run.outcome)) return;
    row.consecutiveFailures = run.outcome === 'succeeded' ? 0 : row.consecutiveFailures + 1;
  }

  private held(held: readonly HeldSchedule[]): Row[] {
    return held.flatMap(({ handler, key, token }) => {
      const row = this.rows.get(nameOf(handler, key));
      return row?.claimed && row.token === token ? [row] : [];
    });
  }
}

function nameOf(handler: string, key: string): string {
  return JSON.stringify([handler, key]);
}

function claimOf(row: Row, lease: number): ScheduleClaim {
  const { handler, key, token, revision, timing, payload, group, turn, attempt, claims, turns } = row;
  const { consecutiveFailures, triggeredAt, triggeredBy, pausedAt } = row;
  return {
    ...{ handler, key, token, revision, timing, payload, group, turn, attempt, claims, turns },
    ...{ consecutiveFailures, triggeredAt, triggeredBy },
    paused: pausedAt !== null,
    lease: new Date(lease),
  };
}

function shown(row: Row, now: number): Schedule {
  const { handler, key, timing, payload, group, turn, attempt, runs, failures, missed, last } = row;
  const date = (at: number | undefined): Date | undefined => (at === undefined ? undefined : new Date(at));
  const state = row.claimed && row.due! > now ? 'running' : row.pausedAt !== null ? 'paused' : row.endedAt !== null ? 'ended' : 'active'; // prettier-ignore
  return {
    ...{ handler, key, attempt, runs, failures, missed, state },
    group: group ?? undefined,
    timing: JSON.parse(timing) as ScheduleTiming,
    payload: payload === null ? undefined : (JSON.parse(payload) as unknown),
    slot: date(turn?.slot),
    nextRun: date(turn?.plannedAt),
    createdAt: new Date(row.createdAt),
    changedAt: new Date(row.changedAt),
    consecutiveFailures: row.consecutiveFailures,
    lastOutcome: last?.outcome,
    lastRun: last?.id,
    lastStartedAt: date(last?.startedAt),
    lastEndedAt: date(last?.endedAt),
    lastError: last?.error,
  };
}
