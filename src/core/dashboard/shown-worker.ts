import { toWire, type Wire } from '../http/wire.js';
import { type Scheduler } from '../scheduler/scheduler.js';
import { type WorkerInfo } from '../worker/worker-info.js';

/**
 * Whose knowledge an answer is: what all replicas of the cluster agree on, or the memory of the replica that answers. That
 * one answers for workers of the scope `replica`, without coordination, and while the coordination cannot be reached.
 */
export type InfoSource = 'cluster' | 'replica';

/** A worker as it goes over HTTP. */
export type ShownWorker = WorkerInfo & { source: InfoSource };

/** All workers, by name. */
export interface ShownWorkers {
  readonly source: InfoSource;
  readonly workers: ShownWorker[];
}

/** Never rejects: while the cluster cannot be asked it is what this replica knows, and says so. */
export async function workersNow(scheduler: Scheduler): Promise<ShownWorkers> {
  if (!scheduler.coordination) return ofThisReplica(scheduler);
  let infos: WorkerInfo[];
  try {
    infos = await scheduler.status();
  } catch {
    return ofThisReplica(scheduler);
  }
  return {
    source: 'cluster',
    workers: infos.map((info) => ({ ...info, source: scheduler.describe(info.name).definition.scope })),
  };
}

function ofThisReplica(scheduler: Scheduler): ShownWorkers {
  return {
    source: 'replica',
    workers: scheduler.workers().map((info) => ({ ...info, source: 'replica' })),
  };
}

export function showWorker(worker: ShownWorker): Wire<ShownWorker> {
  return toWire(worker);
}
