import { RunCancelledError } from '../execution/execution.errors.js';
import { type Replica } from '../history/replica.js';
import { type EndedRun } from '../history/run.js';
import { describeError } from '../text/describe-error.js';
import { type Cancellation } from '../worker/cancellation.js';
import { type WaitingRun } from './loop.js';

/** What history keeps of a run that was cancelled before it began: it starts and ends in that moment. */
export function cancelledRun(
  id: string,
  { worker, trigger, requestedAt, actor }: WaitingRun,
  by: Cancellation,
  { id: replica, release }: Replica,
  now: number,
): EndedRun {
  return {
    id,
    worker,
    replica,
    ...(release !== undefined && { release }),
    trigger,
    ...(actor !== undefined && { actor }),
    attempt: 1,
    scheduledAt: new Date(requestedAt),
    startedAt: new Date(now),
    endedAt: new Date(now),
    outcome: 'cancelled',
    error: describeError(new RunCancelledError(worker, by)),
  };
}
