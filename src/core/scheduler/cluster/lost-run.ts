import { type LostRun } from '../../coordination/worker-record.js';
import { isKept } from '../../history/kept-payload.js';
import { type EndedRun } from '../../history/run.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type ClusterParts } from './cluster-parts.js';

/** The record of a run whose replica stopped answering, written by the replica that was granted the next run. */
export function lostRun(worker: string, lost: LostRun, endedAt: number): EndedRun {
  const { runId, replica, attempt, slot, startedAt, request } = lost;
  const started = new Date(startedAt);
  return {
    id: runId,
    worker,
    replica,
    trigger: attempt > 1 ? 'retry' : slot === undefined ? (request?.trigger ?? 'manual') : 'schedule',
    ...(request?.actor !== undefined && { actor: request.actor }),
    ...(request?.payload !== undefined &&
      (isKept(request.payload) ? { payload: request.payload } : { payloadOmitted: true })),
    attempt,
    ...(slot !== undefined && { slot: new Date(slot) }),
    scheduledAt: slot === undefined ? started : new Date(slot),
    startedAt: started,
    endedAt: new Date(endedAt),
    outcome: 'lost',
  };
}

/** Records a lost run, and emits `run.lost`. */
export function tellLost(
  { name, record }: WorkerDefinition,
  lost: LostRun,
  { clock, recorder, events }: Pick<ClusterParts, 'clock' | 'recorder' | 'events'>,
): void {
  const run = lostRun(name, lost, clock.now());
  if (record !== 'none') recorder.record(run);
  events.ended(run);
}
