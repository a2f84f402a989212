import { isoOf, type Wire } from '../http/wire.js';
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
    infos = await scheduler.keptStatus();
  } catch {
    return ofThisReplica(scheduler);
  }
  return {
    source: 'cluster',
    workers: infos.map((info) => from(scheduler.describe(info.name).definition.scope, info)),
  };
}

function ofThisReplica(scheduler: Scheduler): ShownWorkers {
  return { source: 'replica', workers: scheduler.workers().map((info) => from('replica', info)) };
}

/** Written into the info, which only this module sees: copies of 500 took as long as all of their JSON. */
function from(source: InfoSource, info: WorkerInfo): ShownWorker {
  const shown = info as ShownWorker;
  shown.source = source;
  return shown;
}

/** Infos are kept as long as they are true, and this with them: a `WeakMap` of those that are not took longer than it saved. */
const WIRE = Symbol('wire');

/** The same for the same worker, which nobody may change. */
export function showWorker(worker: ShownWorker & { [WIRE]?: Wire<ShownWorker> }): Wire<ShownWorker> {
  return (worker[WIRE] ??= wireOf(worker));
}

/** Field by field, so that all have one shape, which is what makes JSON of 500 of them fast. */
function wireOf(worker: ShownWorker): Wire<ShownWorker> {
  return {
    name: worker.name,
    description: worker.description,
    group: worker.group,
    interval: worker.interval,
    cron: worker.cron,
    running: worker.running,
    last_run: iso(worker.lastRun),
    last_error: worker.lastError,
    run_count: worker.runCount,
    skipped_count: worker.skippedCount,
    missed_count: worker.missedCount,
    consecutive_failures: worker.consecutiveFailures,
    last_success: iso(worker.lastSuccess),
    last_duration_ms: worker.lastDurationMs,
    state: worker.state,
    active_runs: worker.activeRuns,
    until: iso(worker.until),
    remaining_runs: worker.remainingRuns,
    next_run: iso(worker.nextRun),
    progress: worker.progress,
    holder: worker.holder,
    last_change: worker.lastChange,
    critical: worker.critical,
    conditions: worker.conditions,
    superseded_count: worker.supersededCount,
    lost_count: worker.lostCount,
    source: worker.source,
  } satisfies Record<keyof Wire<ShownWorker>, unknown> as Wire<ShownWorker>;
}

function iso(date: Date | undefined): string | undefined {
  return date && isoOf(date);
}
