import { type Run, type WorkerInfo } from '../api.js';

/** Whose knowledge is shown: the cluster's, or the memory of the replica that answers. */
export type Source = 'cluster' | 'replica';

/** A message of `GET /dashboard/live`. */
export type LiveMessage =
  | { event: 'snapshot'; at: string; source: Source; coordinated: boolean; workers: WorkerInfo[] }
  | {
      event: 'change';
      at: string;
      source: Source;
      workers: WorkerInfo[];
      removed: string[];
      runs: Run[];
      more: boolean;
      /** Whether open incidents or silences have changed. */
      incidents: boolean;
    };

/** What the server has said so far. */
export interface LiveState {
  /** Undefined before the first snapshot. */
  readonly workers?: ReadonlyMap<string, WorkerInfo>;
  readonly source?: Source;
  /** Whether there is a cluster. */
  readonly coordinated?: boolean;
  /** Why nothing new comes; undefined while it does. */
  readonly error?: { status?: number; message: string };
}

export function applied(state: LiveState, message: LiveMessage): LiveState {
  if (message.event === 'snapshot')
    return {
      source: message.source,
      coordinated: message.coordinated,
      workers: new Map(message.workers.map((worker) => [worker.name, worker])),
    };
  const workers = new Map(state.workers);
  for (const name of message.removed) workers.delete(name);
  for (const worker of message.workers) workers.set(worker.name, worker);
  return { source: message.source, coordinated: state.coordinated, workers };
}
