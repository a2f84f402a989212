import { type RunRequest } from '../../execution/run.executor.js';
import { type EndedRun } from '../../history/run.js';
import { type WaitingRun } from '../loop.js';

/** False for retries, triggers and events. */
export function isOfSchedule({ trigger }: Pick<RunRequest, 'trigger'>): boolean {
  return trigger === 'schedule' || trigger === 'catch_up';
}

export function retryOf(request: RunRequest, { id, attempt, slot }: EndedRun): RunRequest {
  const first = slot === undefined ? (request.repeats?.[0] ?? id) : id;
  return { ...request, trigger: 'retry', attempt: attempt + 1, repeats: [first, id] };
}

/** Whether `Scheduler.cancel` means it by that id: a retry has no id yet, and is named by a run that failed. */
export function isOf({ id, repeats = [] }: Pick<RunRequest, 'id' | 'repeats'>, runId: string): boolean {
  return id === runId || repeats.includes(runId);
}

export function waitingRun(worker: string, request: RunRequest): WaitingRun {
  const { trigger, attempt = 1, scheduledAt: requestedAt, actor } = request;
  return { worker, trigger, attempt, requestedAt, ...(actor !== undefined && { actor }) };
}
