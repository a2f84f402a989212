import { type Execution } from '../../execution/execution.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type WorkerInfo } from '../../worker/worker-info.js';
import { type ClusterView } from './cluster-view.js';
import { infoOf, isStale, type Shown, staleFrom } from '../worker-status.js';
import { noRunYet } from '../../coordination/status-changes.js';

/** What is known of a worker besides its record. */
export interface Surroundings {
  /** The coordinator's time. */
  readonly now: number;
  /** Whether its loop is running here. */
  readonly running: boolean;
  /** The runs that are active here. */
  readonly executions: readonly Execution[];
  /**
   * Whether the record was read just now, so that it shows whether a run is active elsewhere. A known one may be too old.
   */
  readonly fresh?: boolean;
}

/** A worker of the cluster, as its record shows it. */
export function recordInfo(
  definition: WorkerDefinition,
  view: ClusterView | undefined,
  { now, running, executions, fresh = false }: Surroundings,
): WorkerInfo {
  if (!view) return infoOf(definition, noRunYet(), notEnrolled(definition, { now, running, executions }));
  const { record } = view;
  const { status, lastChange } = record;
  const held = record.leaseUntil !== undefined && record.leaseUntil > now;
  const activeRuns = Math.max(executions.length, held ? 1 : 0);
  const [execution] = executions;
  const { timing, timeout, paused, ended, since } = lastSigns(definition, view, now, running);
  const info = infoOf(definition, status, {
    timing,
    timeout,
    running,
    paused,
    ended,
    since,
    now,
    activeRuns,
    overdue: executions.some(({ overdue }) => overdue) || (fresh && held && isOverdue(definition, view, now)),
    consecutiveFailures: status.consecutiveFailures,
    begun: record.begun,
    nextRun: running ? nextRunOf(view, now, activeRuns > 0) : undefined,
    progress: execution?.run.progress ?? (held ? status.progress : undefined),
    holder: execution?.run.replica ?? (held ? record.holder : undefined),
    lastChange: lastChange && { ...lastChange, at: new Date(lastChange.at) },
  });
  info.skippedCount += skippedBy(definition, view, now, activeRuns > 0);
  info.supersededCount = status.supersededCount;
  info.lostCount = status.lostCount;
  return info;
}

/**
 * Until when an info of an unchanged record is valid, while no run is active or waiting: until a slot comes, the worker
 * becomes stale, or its last instant passes.
 */
export function infoKeepsUntil(
  definition: WorkerDefinition,
  view: ClusterView,
  { nextRun }: Pick<WorkerInfo, 'nextRun'>,
  { now, running }: Pick<Surroundings, 'now' | 'running'>,
): number {
  const { until } = definition;
  const stale = staleFrom(lastSigns(definition, view, now, running));
  return Math.min(
    nextRun?.getTime() ?? Infinity,
    // An instant that has passed changes nothing any more.
    stale >= now ? stale : Infinity,
    until >= now ? until : Infinity,
  );
}

function notEnrolled(definition: WorkerDefinition, { now, running, executions }: Surroundings): Shown {
  const [nextRun] = running ? nextSlots(definition, now) : [];
  return {
    timing: definition,
    timeout: definition.timeout,
    running,
    paused: false,
    ended: false,
    activeRuns: executions.length,
    overdue: false,
    consecutiveFailures: 0,
    since: now,
    now,
    begun: 0,
    nextRun,
    progress: undefined,
    holder: undefined,
    lastChange: undefined,
  };
}

/** Whether no run has ended for too long, by the record. */
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

/** Whether the timeout of the run that has the lease has passed, on any replica. */
function isOverdue({ timeout = Infinity }: WorkerDefinition, { record }: ClusterView, now: number): boolean {
  return now - (record.status.lastRun ?? now) >= timeout;
}

/** When the next run is due, unless that depends on the end of an active run. */
function nextRunOf(view: ClusterView, now: number, held: boolean): number | undefined {
  const { record, timing, isOwed } = view;
  const { paused, slot, notBefore = -Infinity } = record;
  const deferred = view.requests.deferred?.notBefore;
  if (!paused && !held && deferred !== undefined) return Math.max(deferred, now);
  if (paused || !timing.schedule) return undefined;
  if (isOwed && !held) return Math.max(notBefore, now);
  if (view.limitReached || view.hasEnded(now)) return undefined;
  if (timing.spacing === 'delay') return held ? undefined : Math.max(notBefore, now);
  const next = timing.schedule.next(Math.max(slot, timing.schedule.latestDue(now)));
  return next === Infinity ? undefined : Math.max(timing.schedule.dueAt(next), notBefore);
}

/** The next slot of a worker that will be enrolled: its slots begin after now. */
function nextSlots({ schedule, spacing, interval, until }: WorkerDefinition, now: number): number[] {
  if (!schedule) return [];
  if (spacing === 'delay') return now + interval > until ? [] : [now + interval];
  const next = schedule.next(now);
  return next === Infinity ? [] : [schedule.dueAt(next)];
}

/** Slots that the release of the active run will count as skipped. */
function skippedBy({ overlap }: WorkerDefinition, view: ClusterView, now: number, held: boolean): number {
  const { record } = view;
  if (!held || record.paused || view.limitReached || overlap !== 'skip') return 0;
  return view.count(record.slot, view.latestDue(now));
}
