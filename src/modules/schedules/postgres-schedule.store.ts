import { Injectable } from '@nestjs/common';
import { rowsIn } from '../../core/postgres/rows-in.js';
import { type Cancellation } from '../../core/worker/cancellation.js';
import { type TransactionRunner } from '../../core/worker/run-context.js';
import { type DueClaim, DueQueue } from '../database/due-queue.js';
import { Transactions } from '../database/transaction.js';
import * as claimed from './claimed-schedules.statements.js';
import { PostgresHeldClaims } from './postgres-held-claims.js';
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
import * as sql from './schedules.statements.js';
import { storedJson } from './stored-json.js';

/** The last of all characters: keys that begin with a prefix lie between it and it with these. */
const LAST_CHARACTER = '\u{10ffff}';
const LONGEST_KEY = 300;

/** A claim's row: what `CLAIMED` names. */
type ClaimedRow = Omit<ScheduleClaim, 'key' | 'lease' | 'turn' | 'cancelledBy'> & {
  cancelledBy: StoredCancellation | null;
  slot: number | null;
  plannedAt: number | null;
};

/** With the token of the claim that it is of. */
type StoredCancellation = Cancellation & { token: number };

/** Schedules in PostgreSQL, by the clock of the database. */
@Injectable()
export class PostgresScheduleStore extends ScheduleStore {
  readonly shared = true;
  private readonly queue: DueQueue<ClaimedRow>;
  private readonly held: PostgresHeldClaims;

  constructor(private readonly transactions: Transactions) {
    super();
    this.held = new PostgresHeldClaims(transactions);
    this.queue = new DueQueue(transactions, {
      table: 'schedules',
      key: 'key',
      lane: 'handler',
      owner: 'q.group_name',
      // What is held is not claimed ahead of the end of its lease. The separator is in no name that people give.
      where: `(q.claimed_by IS NULL OR q.due_at <= (SELECT now FROM clock))
        AND (q.group_name IS NULL OR q.handler || chr(31) || q.group_name <> ALL ($5::text[]))`,
      lease: `clock.now + $3 * interval '1 millisecond'`,
      set: {
        token: `nextval('schedule_tokens')`,
        claimed_by: '$4',
        claims: 'q.claims + 1',
      },
      select: claimed.CLAIMED,
    });
  }

  async now(manager?: TransactionRunner): Promise<Date> {
    const [row] = await this.rows<{ now: number }>(sql.NOW, [], manager);
    return new Date(row!.now);
  }

  async upsert(schedules: readonly NewSchedule[], manager?: TransactionRunner): Promise<UpsertSummary> {
    const given = schedules.map(({ group, turn, ...rest }) => ({
      ...rest,
      group_name: group,
      slot: turn?.slot,
      planned: turn?.plannedAt,
    }));
    const [row] = await this.rows<Omit<UpsertSummary, 'unchanged'>>(
      sql.UPSERT,
      [JSON.stringify(given)],
      manager,
    );
    const { created, changed } = row!;
    return { created, changed, unchanged: schedules.length - created - changed };
  }

  async find(handler: string, key: string, manager?: TransactionRunner): Promise<Schedule | undefined> {
    const [row] = await this.rows<ShownRow>(sql.FIND, [handler, key], manager);
    return row && scheduleOf(row);
  }

  async remove(handler: string, key: string, manager?: TransactionRunner): Promise<boolean> {
    return (await this.rows(sql.REMOVE, [handler, key], manager)).length > 0;
  }

  async list({ handler, keyPrefix, state, after, limit }: ScheduleFilter): Promise<Schedule[]> {
    const rows = await this.transactions.query<ShownRow>(sql.LIST, [
      handler,
      keyPrefix,
      keyPrefix === undefined ? undefined : keyPrefix + LAST_CHARACTER.repeat(LONGEST_KEY),
      state,
      after?.handler,
      after?.key,
      limit,
    ]);
    return rows.map(scheduleOf);
  }

  async handlers(): Promise<HandlerCounts[]> {
    const rows = await this.transactions.query<Omit<HandlerCounts, 'nextRun'> & { nextRun: number | null }>(
      sql.HANDLERS,
    );
    return rows.map((row) => ({ ...row, nextRun: row.nextRun === null ? undefined : new Date(row.nextRun) }));
  }

  async pause(handler: string, key: string, manager?: TransactionRunner): Promise<boolean> {
    return (await this.rows(sql.PAUSE, [handler, key], manager)).length > 0;
  }

  async resume(
    handler: string,
    key: string,
    turn: Turn | null,
    manager?: TransactionRunner,
  ): Promise<boolean> {
    const values = [handler, key, turn?.slot ?? null, turn?.plannedAt ?? null];
    return (await this.rows(sql.RESUME, values, manager)).length > 0;
  }

  async trigger(
    handler: string,
    key: string,
    actor: string | undefined,
    manager?: TransactionRunner,
  ): Promise<boolean> {
    return (await this.rows(sql.TRIGGER, [handler, key, actor ?? null], manager)).length > 0;
  }

  async cancel(
    handler: string,
    key: string,
    by: Cancellation,
    token: number | undefined,
    manager?: TransactionRunner,
  ): Promise<boolean | undefined> {
    const values = [handler, key, JSON.stringify(by), token ?? null];
    const [row] = await this.rows<{ cancelled: boolean }>(claimed.CANCEL, values, manager);
    return row?.cancelled;
  }

  async cancellations(replica: string): Promise<Map<number, Cancellation>> {
    const rows = await this.transactions.query<{ token: number; cancellation: StoredCancellation }>(
      claimed.CANCELLATIONS,
      [replica],
    );
    return new Map(rows.map(({ token, cancellation }) => [token, cancellationOf(cancellation)]));
  }

  override async bringForward(handler: string, key: string): Promise<void> {
    await this.transactions.query(sql.BRING_FORWARD, [handler, key]);
  }

  async know(handlers: readonly string[]): Promise<void> {
    await this.transactions.query(sql.KNOW, [handlers]);
  }

  unknownHandlers(): Promise<string[]> {
    return this.handlersOf(sql.UNKNOWN);
  }

  async troubles(): Promise<HandlerTrouble[]> {
    const failing = await this.handlersOf(sql.FAILING);
    const unknown = await this.unknownHandlers();
    if (failing.length + unknown.length === 0) return [];
    const rows = await this.transactions.query<Omit<HandlerTrouble, 'error'> & { error: string | null }>(
      sql.TROUBLES,
      [failing, unknown],
    );
    return rows.map((row) => ({ ...row, error: row.error ?? undefined }));
  }

  prune(age: number): Promise<number> {
    return this.transactions.affected(sql.PRUNE, [age]);
  }

  async claim({
    limits,
    without = [],
    horizon,
    lease,
    replica,
  }: ScheduleClaimOptions): Promise<ScheduleClaims> {
    const { claims, now } = await this.queue.claim({
      limit: limits,
      horizon,
      values: [lease, replica, without.map(({ handler, group }) => `${handler}\u001f${group}`)],
    });
    return { claims: claims.map(claimOf), now };
  }

  async begin({ handler, key, token }: ClaimId): Promise<number | undefined> {
    const [row] = await this.transactions.query<{ attempt: number }>(claimed.BEGIN, [handler, key, token]);
    return row?.attempt;
  }

  settle(results: readonly ScheduleResult[]): Promise<Set<number>> {
    return this.held.settle(results);
  }

  renew(claims: readonly ClaimId[], lease: number): Promise<Set<number>> {
    return this.held.renew(claims, lease);
  }

  async assertCurrent({ handler, key, token }: ClaimId, manager: TransactionRunner): Promise<boolean> {
    return (await rowsIn(manager, claimed.LOCK, [handler, key, token])).length > 0;
  }

  nextDue(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  private async handlersOf(statement: string): Promise<string[]> {
    return (await this.transactions.query<{ handler: string }>(statement)).map(({ handler }) => handler);
  }

  private rows<T>(
    statement: string,
    values: (string | number | null)[],
    manager?: TransactionRunner,
  ): Promise<T[]> {
    return manager
      ? (rowsIn(manager, statement, values, 'manager') as Promise<T[]>)
      : this.transactions.query<T>(statement, values);
  }
}

/** Field by field: a copy of all but some took longer than reading the row. */
function claimOf(row: DueClaim & ClaimedRow): ScheduleClaim {
  const { slot, plannedAt } = row;
  return {
    handler: row.handler,
    key: row.key,
    token: row.token,
    revision: row.revision,
    timing: row.timing,
    payload: row.payload,
    group: row.group,
    turn: slot === null || plannedAt === null ? null : { slot, plannedAt },
    attempt: row.attempt,
    claims: row.claims,
    turns: row.turns,
    consecutiveFailures: row.consecutiveFailures,
    triggeredAt: row.triggeredAt,
    triggeredBy: row.triggeredBy,
    cancelledBy: row.cancelledBy && cancellationOf(row.cancelledBy),
    paused: row.paused,
    lease: row.lease,
  };
}

function cancellationOf({ token: _, ...by }: StoredCancellation): Cancellation {
  return by;
}

/** As `SHOWN` names it. */
interface ShownRow {
  handler: string;
  key: string;
  timing: string;
  payload: string | null;
  [column: string]: unknown;
}

const INSTANTS = ['slot', 'nextRun', 'createdAt', 'changedAt', 'lastStartedAt', 'lastEndedAt'];

function scheduleOf({ timing, payload, ...row }: ShownRow): Schedule {
  const shown: Record<string, unknown> = {
    ...row,
    timing: storedJson(timing),
    payload: payload === null ? undefined : storedJson(payload),
  };
  for (const [name, value] of Object.entries(row))
    shown[name] = value === null ? undefined : INSTANTS.includes(name) ? new Date(value as number) : value;
  return shown as unknown as Schedule;
}
