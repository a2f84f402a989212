import { type Schedule, type ScheduleState, type ScheduleTiming } from './schedule.js';
import { type HandlerTrouble, type ScheduleClaim, type ScheduleRun, type Turn } from './schedule.store.js';

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

export function claimOf(row: Row, lease: number): ScheduleClaim {
  const { handler, key, token, revision, timing, payload, group, turn, attempt, claims, turns } = row;
  const { consecutiveFailures, triggeredAt, triggeredBy, pausedAt } = row;
  return {
    ...{ handler, key, token, revision, timing, payload, group, turn, attempt, claims, turns },
    ...{ consecutiveFailures, triggeredAt, triggeredBy },
    paused: pausedAt !== null,
    lease: new Date(lease),
  };
}

export function shown(row: Row, now: number): Schedule {
  const { handler, key, timing, payload, group, turn, attempt, turns, runs, failures, missed, last } = row;
  const date = (at: number | undefined): Date | undefined => (at === undefined ? undefined : new Date(at));
  return {
    ...{ handler, key, attempt, turns, runs, failures, missed },
    state: stateOf(row, now),
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
