import { type EndedRun } from '../history/run.js';
import { summaryOf } from '../text/describe-error.js';
import { type WorkerStatus } from './worker-record.js';

/** A status that can be changed. */
export type KeptStatus = { -readonly [K in keyof WorkerStatus]: WorkerStatus[K] };

/** Of a worker that has not run yet. */
export function noRunYet(): KeptStatus {
  return {
    lastRun: undefined,
    lastEnd: undefined,
    lastSuccess: undefined,
    lastError: undefined,
    lastDurationMs: undefined,
    progress: undefined,
    runCount: 0,
    consecutiveFailures: 0,
    skippedCount: 0,
    missedCount: 0,
    supersededCount: 0,
    lostCount: 0,
  };
}

/** @param now milliseconds since the epoch, as everywhere in a status */
export function runStarted(status: KeptStatus, now: number): void {
  status.lastRun = now;
  status.progress = undefined;
}

/** What the end of a run changes, in one process and in a cluster; `postgres/sql/release.ts` does the same in SQL. */
export function runEnded(status: KeptStatus, run: EndedRun, now: number): void {
  status.lastEnd = now;
  status.lastDurationMs = run.endedAt.getTime() - run.startedAt.getTime();
  status.lastError = run.error && summaryOf(run.error);
  status.progress = undefined;
  status.runCount++;
  if (run.outcome === 'succeeded') {
    status.consecutiveFailures = 0;
    status.lastSuccess = now;
  } else if (run.outcome !== 'cancelled') status.consecutiveFailures++;
}
