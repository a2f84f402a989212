import {
  type RecordedChange,
  type RequestedRun,
  type RequestOutcome,
  type WorkerRecord,
} from '../coordination/worker-record.js';
import { type EndedRun } from '../history/run.js';
import { type RunProgress } from '../worker/run-context.js';

/** Infinite numbers are text, as JSON has none. */
type Numeric = number | string;

/** The row that most statements return. */
export interface Answer {
  time: number;
  record: WorkerRow;
}

/** A worker's row as the SQL function `record` returns it. */
export interface WorkerRow {
  name: string;
  slot: Numeric;
  done: boolean;
  owed: number | null;
  fencing: number;
  run_id: string | null;
  attempt: number;
  request_id: string | null;
  holder: string | null;
  lease_until: number | null;
  cancel_requested: boolean;
  not_before: number | null;
  paused: boolean;
  /** The lost run that the last grant replaced. */
  previous: {
    runId: string;
    replica: string;
    attempt: number;
    slot: number | null;
    startedAt: number;
    /** Absent in rows of older code. */
    requestId?: string | null;
  } | null;
  revision: number;
  timing: string;
  definition: string;
  definition_at: number;
  last_run: number | null;
  last_end: number | null;
  last_success: number | null;
  last_error: string | null;
  last_duration_ms: number | null;
  progress: RunProgress | null;
  run_count: number;
  consecutive_failures: number;
  skipped_count: number;
  missed_count: number;
  superseded_count: number;
  lost_count: number;
  begun: number;
  last_change: RecordedChange | null;
}

export interface RequestRow {
  id: string;
  worker: string;
  trigger: RequestedRun['trigger'];
  /** Null also without a payload: see `given`. */
  payload: unknown;
  given: boolean;
  attempts: number;
  actor: string | null;
  requested_at: number;
  not_before: number | null;
}

/** The part of a request that is read for a lost run. */
export type ServedRow = Pick<RequestRow, 'trigger' | 'payload' | 'given' | 'actor'>;

export function toRecord(row: WorkerRow): WorkerRecord {
  return {
    name: row.name,
    slot: Number(row.slot),
    done: row.done,
    owed: row.owed ?? undefined,
    fencing: row.fencing,
    runId: row.run_id ?? undefined,
    attempt: row.attempt,
    requestId: row.request_id ?? undefined,
    holder: row.holder ?? undefined,
    leaseUntil: row.lease_until ?? undefined,
    cancelRequested: row.cancel_requested,
    notBefore: row.not_before ?? undefined,
    paused: row.paused,
    revision: row.revision,
    timing: row.timing,
    definition: row.definition,
    definitionAt: row.definition_at,
    begun: row.begun,
    lastChange: row.last_change ?? undefined,
    status: {
      lastRun: row.last_run ?? undefined,
      lastEnd: row.last_end ?? undefined,
      lastSuccess: row.last_success ?? undefined,
      lastError: row.last_error ?? undefined,
      lastDurationMs: row.last_duration_ms ?? undefined,
      progress: row.progress ?? undefined,
      runCount: row.run_count,
      consecutiveFailures: row.consecutive_failures,
      skippedCount: row.skipped_count,
      missedCount: row.missed_count,
      supersededCount: row.superseded_count,
      lostCount: row.lost_count,
    },
  };
}

export function toRequest(request: RequestRow): RequestedRun {
  const { requested_at, payload, given, actor, not_before, ...row } = request;
  return {
    ...row,
    payload: given ? payload : undefined,
    requestedAt: requested_at,
    ...(actor !== null && { actor }),
    ...(not_before !== null && { notBefore: not_before }),
  };
}

/** An outcome from its JSON, in which dates are text. */
export function toOutcome(outcome: { dropped: true } | { run: Record<string, unknown> }): RequestOutcome {
  if ('dropped' in outcome) return outcome;
  const run = { ...outcome.run };
  for (const key of ['slot', 'scheduledAt', 'startedAt', 'endedAt'])
    if (run[key] !== undefined) run[key] = new Date(run[key] as string);
  return { run: run as unknown as EndedRun };
}

/** As a parameter for `to_timestamp`: `-Infinity` has to be text. */
export function toInstant(ms: number): Numeric {
  return ms === -Infinity ? '-Infinity' : ms;
}
