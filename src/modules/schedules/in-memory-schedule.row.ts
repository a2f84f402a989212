import { type Cancellation } from '../../core/worker/cancellation.js';
import { type Schedule, type ScheduleState, type ScheduleTiming } from './schedule.js';
import {
  type HandlerCounts,
  type HandlerTrouble,
  type ScheduleClaim,
  type ScheduleResult,
  type ScheduleRun,
  type Turn,
} from './schedule.store.js';
import { storedJson } from './stored-json.js';

const FAILURES = ['failed', 'timed_out', 'lost'];
/** Outcomes that say nothing of the work itself. */
const NEUTRAL = ['aborted', 'cancelled'];

/** A row as the table has it. Instants are milliseconds. */
export interface Row {
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
  /** With the token of the claim that it is of. */
  cancellation: { token: number; by: Cancellation } | null;
  pausedAt: number | null;
  endedAt: number | null;
  turns: number;
  runs: number;
  failures: number;
  missed: number;
  consecutiveFailures: number;
  last: ScheduleRun | undefined;
}

export function nameOf(handler: string, key: string): string {
  return JSON.stringify([handler, key]);
}

/** Whether its slot is that of the claim which was cancelled, and comes next: a newer definition has a larger revision than that claim's token. */
function isSlotCancelled({ cancellation, revision, triggeredAt }: Row): boolean {
  return cancellation !== null && triggeredAt === null && cancellation.token > revision;
}

export function claimOf(row: Row, lease: number): ScheduleClaim {
  const { handler, key, token, revision, timing, payload, group, turn, attempt, claims, turns } = row;
  const { consecutiveFailures, triggeredAt, triggeredBy, pausedAt } = row;
  return {
    ...{ handler, key, token, revision, timing, payload, group, turn, attempt, claims, turns },
    ...{ consecutiveFailures, triggeredAt, triggeredBy },
    cancelledBy: isSlotCancelled(row) ? row.cancellation!.by : null,
    paused: pausedAt !== null,
    lease: new Date(lease),
  };
}

/** What the result of its claim makes of it. */
export function settleRow(
  row: Row,
  { claim, turn, attempt, claims, missed, turns, run }: ScheduleResult,
  now: number,
): void {
  const current = row.revision === claim.revision;
  // It was cut off, given back or failed before its holder heard of the cancellation: the next claim does.
  const stillCancelled =
    isSlotCancelled(row) && current && turns === 0 && (attempt > 1 || turn?.slot === row.turn?.slot);
  if (!stillCancelled) row.cancellation = null;
  if (current) {
    Object.assign(row, { turn, attempt, claims, turns: row.turns + turns });
    if ((turn === null) !== (row.endedAt !== null)) row.endedAt = turn ? null : now;
  } else row.claims = 0;
  const asked = row.triggeredAt !== null && row.triggeredAt !== claim.triggeredAt;
  if (asked) row.due = row.triggeredAt;
  else if (row.pausedAt !== null) row.due = null;
  else row.due = stillCancelled ? now : (row.turn?.plannedAt ?? null);
  if (!asked) row.triggeredAt = null;
  row.claimed = false;
  row.missed += missed;
  if (!run) return;
  row.last = run;
  if (run.outcome !== 'unknown_handler') row.runs++;
  if (FAILURES.includes(run.outcome)) row.failures++;
  if (!current || NEUTRAL.includes(run.outcome)) return;
  row.consecutiveFailures = run.outcome === 'succeeded' ? 0 : row.consecutiveFailures + 1;
}

export function shown(row: Row, now: number): Schedule {
  const { handler, key, timing, payload, group, turn, attempt, turns, runs, failures, missed, last } = row;
  const date = (at: number | undefined): Date | undefined => (at === undefined ? undefined : new Date(at));
  return {
    ...{ handler, key, attempt, turns, runs, failures, missed },
    state: stateOf(row, now),
    group: group ?? undefined,
    timing: storedJson(timing) as ScheduleTiming,
    payload: payload === null ? undefined : storedJson(payload),
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

function stateOf(row: Row, now: number): ScheduleState {
  if (row.claimed && row.due! > now) return 'running';
  if (row.pausedAt !== null) return 'paused';
  return row.endedAt === null ? 'active' : 'ended';
}

export function byHandler(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.handler);
    if (group) group.push(row);
    else groups.set(row.handler, [row]);
  }
  return groups;
}

export function countsOf(rows: readonly Row[], now: number): Omit<HandlerCounts, 'handler' | 'known'> {
  const count = (matches: (row: Row) => boolean): number => rows.filter(matches).length;
  const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const waiting = rows.filter((row) => row.turn && row.pausedAt === null);
  return {
    schedules: rows.length,
    running: count((row) => row.claimed),
    paused: count((row) => row.pausedAt !== null),
    ended: count((row) => row.endedAt !== null),
    failing: count((row) => row.consecutiveFailures > 0),
    overdue: count((row) => !row.claimed && row.due !== null && row.due < now - 60_000),
    runs: sum((row) => row.runs),
    failures: sum((row) => row.failures),
    missed: sum((row) => row.missed),
    nextRun:
      waiting.length > 0 ? new Date(Math.min(...waiting.map(({ turn }) => turn!.plannedAt))) : undefined,
  };
}

const HOUR = 3_600_000;

export function isFailing({ consecutiveFailures, pausedAt, last, endedAt }: Row, now: number): boolean {
  return (
    consecutiveFailures > 0 &&
    pausedAt === null &&
    last?.outcome !== 'unknown_handler' &&
    (endedAt === null || endedAt > now - HOUR)
  );
}

/** Undefined where there are none. */
export function troubleOf(
  kind: HandlerTrouble['kind'],
  handler: string,
  rows: readonly Row[],
): HandlerTrouble | undefined {
  if (rows.length === 0) return undefined;
  if (kind === 'unknown_handler') {
    const [{ key }] = rows.toSorted((a, b) => a.due! - b.due!) as [Row];
    return { kind, handler, schedules: rows.length, key, failures: 0, error: undefined };
  }
  const [worst] = rows.toSorted((a, b) => b.consecutiveFailures - a.consecutiveFailures) as [Row];
  const { key, consecutiveFailures: failures, last } = worst;
  return { kind, handler, schedules: rows.length, key, failures, error: last?.error };
}
