import { randomUUID } from 'node:crypto';
import { RunCancelledError } from '../execution/execution.errors.js';
import { type Replica } from '../history/replica.js';
import { type EndedRun } from '../history/run.js';
import { describeError } from '../text/describe-error.js';
import { type Cancellation } from '../worker/cancellation.js';
import { type WaitingRun } from './loop.js';

/**
 * The record of a run that was cancelled before it began: it starts and ends at that instant.
 * @param id of the run; for a retry that of the run that failed, which history has already
 */
export function cancelledRun(
  id: string,
  { worker, trigger, attempt, requestedAt, actor }: WaitingRun,
  by: Cancellation,
  { id: replica, release }: Replica,
  now: number,
): EndedRun {
  return {
    id: attempt > 1 ? randomUUID() : id,
    worker,
    replica,
    ...(release !== undefined && { release }),
    trigger,
    ...(actor !== undefined && { actor }),
    attempt,
    scheduledAt: new Date(requestedAt),
    startedAt: new Date(now),
    endedAt: new Date(now),
    outcome: 'cancelled',
    error: describeError(new RunCancelledError(worker, by)),
  };
}
