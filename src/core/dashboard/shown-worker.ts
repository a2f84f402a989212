import { isoOf, type Wire } from '../http/wire.js';
import { type Scheduler } from '../scheduler/scheduler.js';
import { type WorkerInfo } from '../worker/worker-info.js';

/**
 * Source of an answer: the state of the cluster, or the memory of the replica that answers. The latter is used for
 * workers with the scope `replica`, without coordination, and while the coordination cannot be reached.
 */
export type InfoSource = 'cluster' | 'replica';

/** A worker over HTTP. */
export type ShownWorker = WorkerInfo & { source: InfoSource };

/** All workers, ordered by name. */
export interface ShownWorkers<Worker = ShownWorker> {
  readonly source: InfoSource;
  /** Whether there is a cluster. With the source `replica` it cannot be reached. */
  readonly coordinated: boolean;
  readonly workers: readonly Worker[];
}

/** Never rejects: while the cluster cannot be reached, it returns what this replica knows, with that `source`. */
export async function workersNow(scheduler: Scheduler): Promise<ShownWorkers> {
  const { workers, ...where } = await workersInTurn(scheduler);
  return { ...where, workers: workers.flatMap((look) => look() ?? []) };
}

/**
 * The same as functions that look at one worker each, for those who take turns: to look at 500 takes two milliseconds. Undefined for a
 * worker that was removed meanwhile.
 */
export async function workersInTurn(
  scheduler: Scheduler,
): Promise<ShownWorkers<() => ShownWorker | undefined>> {
  if (!scheduler.coordination) return ofThisReplica(scheduler);
  let infos: WorkerInfo[];
  try {
    infos = await scheduler.keptStatus();
  } catch {
    return ofThisReplica(scheduler);
  }
  return {
    source: 'cluster',
    coordinated: true,
    workers: infos.map((info) => () => {
      const { name } = info;
      return scheduler.has(name) ? from(scheduler.describe(name).definition.scope, info) : undefined;
    }),
  };
}

function ofThisReplica(scheduler: Scheduler): ShownWorkers<() => ShownWorker | undefined> {
  return {
    source: 'replica',
    coordinated: scheduler.coordination !== undefined,
    workers: scheduler.workerNames.map((name) => () => {
      const info = scheduler.workerByName(name);
      return info && from('replica', info);
    }),
  };
}

/** Sets the source in the info itself, which only this module uses: copies of 500 took as long as all of their JSON. */
function from(source: InfoSource, info: WorkerInfo): ShownWorker {
  const shown = info as ShownWorker;
  shown.source = source;
  return shown;
}

/**
 * The wire form is kept in the info, which is kept while it is valid: a `WeakMap` took longer than it saved for infos
 * that are not.
 */
const WIRE = Symbol('wire');

/** The wire form of a worker. The same object for the same worker: do not change it. */
export function showWorker(worker: ShownWorker & { [WIRE]?: Wire<ShownWorker> }): Wire<ShownWorker> {
  return (worker[WIRE] ??= wireOf(worker));
}

/** Field by field, so that all have one hidden class, which makes their JSON fast. */
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
