import { type IncidentReport, type WorkerIncidentCondition } from '../history/incident.js';
import { type Run } from '../history/run.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { type Timing } from '../registry/timing.js';
import { type WorkerInfo } from '../worker/worker-info.js';

/** What a worker is judged by. */
export interface Subject {
  readonly info: WorkerInfo;
  /** The schedule in force. */
  readonly timing: Pick<Timing, 'schedule'>;
  readonly definition: Pick<WorkerDefinition, 'spacing' | 'budget' | 'expect'>;
  /** Its last runs, including active ones, newest first, at most `RUNS_LOOKED_AT`. */
  readonly runs: readonly Run[];
}

/** Most runs of a worker that are judged. */
export const RUNS_LOOKED_AT = 20;

/** A problem of a worker. */
export interface Finding {
  readonly condition: WorkerIncidentCondition;
  /** The rest of a sentence that begins with the worker's name. */
  readonly what: string;
  /** The run that showed it. */
  readonly run?: Run | undefined;
}

export function reportOf(worker: string, { condition, what, run }: Finding): IncidentReport {
  return {
    kind: 'worker',
    subject: worker,
    condition,
    summary: `Worker "${worker}" ${what}`,
    ...(run && { runId: run.id }),
    ...(run?.release !== undefined && { release: run.release }),
  };
}

/** The runs that succeeded. */
export function succeeded(runs: readonly Run[]): Run[] {
  return runs.filter(({ outcome }) => outcome === 'succeeded');
}
