import { type Claim, type Control, type Release, type RunRequestInput } from '../coordination/coordinator.js';
import { type LostRun } from '../coordination/worker-record.js';
import { withoutLog } from '../history/run.js';
import { summaryOf } from '../text/describe-error.js';
import { type Statement } from './database.js';
import { toJson } from './refusal.js';
import { pauseWorker, rescheduleWorker, resumeWorker } from './sql/control.js';
import { type ServedRow, toInstant, type WorkerRow } from './worker-row.js';

/** A statement and its parameters. */
type Call = [statement: Statement, values: unknown[]];

export function claimValues(claim: Claim): unknown[] {
  const { worker, runId, replica, fencing, from, target, missed, skipped, maxAttempts } = claim;
  const { lease = null, resetAhead = null, begins = true } = claim;
  const [slot, request] = 'slot' in target ? [target.slot, null] : [null, target.request];
  const wanted = [lease, slot, request];
  return [
    ...[worker, runId, replica, fencing, toInstant(from), ...wanted],
    ...[missed, skipped, maxAttempts, resetAhead, begins],
  ];
}

export function releaseValues(release: Release): unknown[] {
  const { worker, runId, fencing, kind, tell, leased, requestId, run, delay, retry, passed } = release;
  return [
    worker,
    runId,
    fencing,
    kind,
    tell,
    leased,
    requestId ?? null,
    run?.outcome === 'cancelled' ? null : run?.outcome === 'succeeded',
    run?.error ? summaryOf(run.error) : null,
    run ? run.endedAt.getTime() - run.startedAt.getTime() : null,
    delay === 'keep' ? null : delay,
    // Only the replica that requested the run reads the outcome.
    run && requestId !== undefined ? toJson(withoutLog(run)) : null,
    retry,
    passed?.slot ?? null,
    passed?.skipped ?? 0,
  ];
}

export function requestValues(asked: RunRequestInput): unknown[] {
  const { id, worker, trigger, eventId = null, payload, maxAttempts, overlap, actor = null } = asked;
  const json = payload === undefined ? null : toJson(payload);
  return [id, worker, trigger, eventId, json, maxAttempts, overlap, actor];
}

export function controlStatement(worker: string, change: Control): Call {
  const { actor = null } = change;
  if (change.do === 'resume')
    return [resumeWorker, [worker, actor, toInstant(change.slot), change.delay ?? null]];
  const { fencing = null, slot = null, skipped = null } = change.passed ?? {};
  const passed = [fencing, slot, skipped];
  if (change.do === 'pause') return [pauseWorker, [worker, actor, ...passed]];
  const { timing, delay = null } = change;
  return [rescheduleWorker, [worker, actor, toInstant(change.slot), timing, delay, ...passed]];
}

/** @param served the request that the run was for */
export function toLostRun(previous: WorkerRow['previous'], served?: ServedRow): LostRun | undefined {
  if (!previous) return undefined;
  const { runId, replica, attempt, slot, startedAt } = previous;
  const request = served && {
    trigger: served.trigger,
    payload: served.given ? served.payload : undefined,
    ...(served.actor !== null && { actor: served.actor }),
  };
  return { runId, replica, attempt, slot: slot ?? undefined, startedAt, ...(request && { request }) };
}
