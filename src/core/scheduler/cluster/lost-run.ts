import { type LostRun } from '../../coordination/worker-record.js';
import { type EndedRun } from '../../history/run.js';

/** What history keeps of a run whose replica fell silent, by whoever was granted its slot next. */
export function lostRun(worker: string, lost: LostRun, endedAt: number): EndedRun {
  const { runId, replica, attempt, slot, startedAt } = lost;
  const started = new Date(startedAt);
  return {
    id: runId,
    worker,
    replica,
    trigger: attempt > 1 ? 'retry' : slot === undefined ? 'manual' : 'schedule',
    attempt,
    ...(slot !== undefined && { slot: new Date(slot) }),
    scheduledAt: slot === undefined ? started : new Date(slot),
    startedAt: started,
    endedAt: new Date(endedAt),
    outcome: 'lost',
  };
}
