import { type Timing } from '../registry/timing.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { type Scheduler } from '../scheduler/scheduler.js';

/** A worker's schedule over HTTP. Without any of these fields it is event-driven. */
export interface ShownTiming {
  interval_ms?: number;
  cron?: string;
  time_zone?: string;
  utc_offset?: number;
  at?: string;
}

/** All options of a worker, with defaults. Durations are in milliseconds. */
export interface ShownDefinition extends ShownTiming {
  /** Where it is defined: `UsageReporter.report`. */
  defined_in: string;
  enabled: boolean;
  scope: WorkerDefinition['scope'];
  overlap: WorkerDefinition['overlap'];
  spacing: WorkerDefinition['spacing'];
  record: WorkerDefinition['record'];
  max_attempts: number;
  run_on_start: boolean;
  unref: boolean;
  on: readonly string[];
  jitter?: WorkerDefinition['jitter'];
  timeout_ms?: number;
  lease_ms?: number;
  /** Highest age of a missed slot that is caught up, milliseconds. */
  catch_up: number | 'always' | 'by_schedule';
  start_deadline_ms?: number;
  backoff?: { initial_ms: number; factor: number; max_ms: number };
  /** Where its runs take place; absent: in the main thread. */
  isolate?: 'thread' | 'process';
  limit?: number;
  until?: string;
  /** The schedule in force, if it differs from that of the code. */
  rescheduled?: ShownTiming;
}

/** @throws UnknownWorkerError */
export function showDefinition(scheduler: Scheduler, name: string): ShownDefinition {
  const { definition, timing } = scheduler.describe(name);
  const { timeout, lease, catchUp, startDeadline, limit, until, jitter, isolate } = definition;
  const [own, now] = [showTiming(definition), showTiming(timing)];
  const rescheduled = JSON.stringify(own) !== JSON.stringify(now);
  return {
    ...own,
    defined_in: definition.source,
    enabled: definition.enabled,
    scope: definition.scope,
    overlap: definition.overlap,
    spacing: definition.spacing,
    record: definition.record,
    max_attempts: definition.maxAttempts,
    run_on_start: definition.runOnStart,
    unref: definition.unref,
    on: definition.on,
    ...(jitter !== undefined && { jitter }),
    ...(timeout !== undefined && { timeout_ms: timeout }),
    ...(lease !== undefined && { lease_ms: lease }),
    catch_up: catchUp === undefined ? 'by_schedule' : catchUp === Infinity ? 'always' : catchUp,
    ...(startDeadline < Infinity && { start_deadline_ms: startDeadline }),
    ...showBackoff(definition),
    ...(isolate && { isolate: isolate.in }),
    ...(limit < Infinity && { limit }),
    ...(until < Infinity && { until: new Date(until).toISOString() }),
    ...(rescheduled && { rescheduled: now }),
  };
}

/** The time zone of its slots, if they have one. */
export function timeZoneOf({ every }: Pick<Timing, 'every'>): string | undefined {
  return typeof every === 'object' && 'cron' in every ? zoneOf(every.timeZone) : undefined;
}

function showTiming({ every, interval }: Timing): ShownTiming {
  if (typeof every !== 'object') return interval > 0 ? { interval_ms: interval } : {};
  if ('at' in every) return { at: new Date(every.at).toISOString() };
  if (!('cron' in every)) return {};
  const { cron, utcOffset } = every;
  return {
    cron,
    ...(utcOffset === undefined ? { time_zone: zoneOf(every.timeZone) } : { utc_offset: utcOffset }),
  };
}

/** Default: the time zone of the process. */
function zoneOf(timeZone: string | undefined): string {
  return timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function showBackoff({ backoff }: WorkerDefinition): Pick<ShownDefinition, 'backoff'> {
  if (!backoff) return {};
  const { initial, factor, max } = backoff;
  return { backoff: { initial_ms: initial, factor, max_ms: max } };
}
