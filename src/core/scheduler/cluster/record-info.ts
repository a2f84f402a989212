import { type Execution } from '../../execution/execution.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type WorkerInfo } from '../../worker/worker-info.js';
import { type ClusterView } from './cluster-view.js';
import { conditionsOf, isStale, stateOf } from '../worker-status.js';

/** What is known of a worker beside its record. */
interface Surroundings {
  /** The coordinator's time. */
  readonly now: number;
  /** Its loop is active here. */
  readonly running: boolean;
  /** The runs that are active here. */
  readonly executions: readonly Execution[];
}

/** A worker of the cluster, as its record shows it. */
export function recordInfo(
  definition: WorkerDefinition,
  view: ClusterView | undefined,
  { now, running, executions }: Surroundings,
): WorkerInfo {
  const { name, description, group, critical, until, limit } = definition;
  const timing = view?.timing ?? definition;
  const base = {
    name,
    ...(description !== undefined && { description }),
    ...(group !== undefined && { group }),
    interval: timing.interval,
    ...(timing.cron !== undefined && { cron: timing.cron }),
    running,
    ...(until < Infinity && { until: new Date(until) }),
    critical,
  };
  if (!view) {
    const [next] = running ? nextSlots(definition, now) : [];
    return {
      ...base,
      ...(limit < Infinity && { remainingRuns: limit }),
      ...(next !== undefined && { nextRun: new Date(next) }),
      state: running ? 'idle' : 'stopped',
      activeRuns: executions.length,
      runCount: 0,
      consecutiveFailures: 0,
      skippedCount: 0,
      missedCount: 0,
      conditions: [],
    };
  }
  const { record } = view;
  const { status } = record;
  const held = record.leaseUntil !== undefined && record.leaseUntil > now;
  const activeRuns = Math.max(executions.length, held ? 1 : 0);
  const [execution] = executions;
  const progress = execution?.run.progress ?? (held ? status.progress : undefined);
  const holder = execution?.run.replica ?? (held ? record.holder : undefined);
  const next = running ? nextRunOf(view, now, activeRuns > 0) : undefined;
  const observed = {
    ...lastSigns(definition, view, now, running),
    activeRuns,
    overdue: executions.some(({ overdue }) => overdue),
    consecutiveFailures: status.consecutiveFailures,
  };
  return {
    ...base,
    ...(limit < Infinity && { remainingRuns: Math.max(0, limit - record.begun) }),
    ...(status.lastRun !== undefined && { lastRun: new Date(status.lastRun) }),
    ...(status.lastError !== undefined && { lastError: status.lastError }),
    runCount: status.runCount,
    skippedCount: status.skippedCount + skippedBy(definition, view, now, activeRuns > 0),
    missedCount: status.missedCount,
    supersededCount: status.supersededCount,
    lostCount: status.lostCount,
    consecutiveFailures: status.consecutiveFailures,
    ...(status.lastSuccess !== undefined && { lastSuccess: new Date(status.lastSuccess) }),
    ...(status.lastDurationMs !== undefined && { lastDurationMs: status.lastDurationMs }),
    state: stateOf(observed),
    activeRuns,
    ...(next !== undefined && { nextRun: new Date(next) }),
    ...(progress && { progress }),
    ...(holder !== undefined && { holder }),
    ...(record.lastChange && {
      lastChange: { ...record.lastChange, at: new Date(record.lastChange.at) },
    }),
    conditions: conditionsOf(observed),
  };
}

/** Whether no run has ended for too long, as the record shows. */
export function recordIsStale(
  definition: WorkerDefinition,
  view: ClusterView | undefined,
  now: number,
  running: boolean,
): boolean {
  return view !== undefined && isStale(lastSigns(definition, view, now, running));
}

function lastSigns({ timeout }: WorkerDefinition, view: ClusterView, now: number, running: boolean) {
  const { record, timing, startedAt } = view;
  const since = Math.max(record.status.lastEnd ?? 0, record.definitionAt, startedAt);
  return { timing, timeout, running, paused: record.paused, ended: view.hasEnded(now), since, now };
}

/** When the next run is due, unless one is on whose end decides. */
function nextRunOf(view: ClusterView, now: number, held: boolean): number | undefined {
  const { record, timing, isOwed } = view;
  const { paused, slot, notBefore = -Infinity } = record;
  if (paused || !timing.schedule) return undefined;
  if (isOwed && !held) return Math.max(notBefore, now);
  if (view.limitReached || view.hasEnded(now)) return undefined;
  if (timing.spacing === 'delay') return held ? undefined : Math.max(notBefore, now);
  const next = timing.schedule.next(Math.max(slot, timing.schedule.latestDue(now)));
  return next === Infinity ? undefined : Math.max(timing.schedule.dueAt(next), notBefore);
}

/** As it will be enrolled: the slots up to now count for nothing. */
function nextSlots({ schedule, spacing, interval, until }: WorkerDefinition, now: number): number[] {
  if (!schedule) return [];
  if (spacing === 'delay') return now + interval > until ? [] : [now + interval];
  const next = schedule.next(now);
  return next === Infinity ? [] : [schedule.dueAt(next)];
}

/** What the end of the active run will write, and nobody has written yet. */
function skippedBy({ overlap }: WorkerDefinition, view: ClusterView, now: number, held: boolean): number {
  const { record } = view;
  if (!held || record.paused || view.limitReached || overlap !== 'skip') return 0;
  return view.count(record.slot, view.latestDue(now));
}
