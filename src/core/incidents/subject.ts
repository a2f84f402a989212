import { type IncidentReport, type WorkerIncidentCondition } from '../history/incident.js';
import { type Run } from '../history/run.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { type Timing } from '../registry/timing.js';
import { type WorkerInfo } from '../worker/worker-info.js';

/** What a worker is judged by. */
export interface Subject {
  readonly info: WorkerInfo;
  /** The schedule that holds. */
  readonly timing: Pick<Timing, 'schedule'>;
  readonly definition: Pick<WorkerDefinition, 'spacing' | 'budget' | 'expect'>;
  /** The last of its runs, newest first, at most `RUNS_LOOKED_AT`; those that are active among them. */
  readonly runs: readonly Run[];
}

/** How many runs of a worker are looked at. */
export const RUNS_LOOKED_AT = 20;

/** What is wrong with a worker. */
export interface Finding {
  readonly condition: WorkerIncidentCondition;
  /** As the end of the sentence that begins with the worker's name. */
  readonly what: string;
  /** That showed it. */
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

/** Runs that came to their end by themselves, and well. */
export function succeeded(runs: readonly Run[]): Run[] {
  return runs.filter(({ outcome }) => outcome === 'succeeded');
}
