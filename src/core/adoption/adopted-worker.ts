import { type CronExpression } from '../timing/cron-schedule.js';
import { type Once } from '../timing/once-schedule.js';
import { type Worker } from '../worker/worker.js';
import { type WorkerOptions } from '../worker/worker-options.js';
import { type CronMetadata, type ScheduleMetadata } from './schedule-metadata.js';

/** Milliseconds. Even in an idle process timers fire a few milliseconds late; that is no missed deadline. */
const TIMER_SLACK = 50;

/**
 * Options of the worker that runs a handler of `@nestjs/schedule`. Nothing is caught up after downtime unless
 * `options.workers` says so.
 */
export function adoptedOptions(metadata: ScheduleMetadata): WorkerOptions & Pick<Worker, 'interval'> {
  const common = { overlap: 'allow', catchUp: false } as const;
  if (metadata.kind === 'cronJobs') {
    const { unrefTimeout, waitForCompletion, threshold } = metadata.cron;
    return {
      ...common,
      interval: cronInterval(metadata.cron),
      ...(waitForCompletion && { overlap: 'skip' }),
      ...(unrefTimeout && { unref: true }),
      ...(typeof threshold === 'number' && { startDeadline: Math.max(TIMER_SLACK, Math.abs(threshold)) }),
    };
  }
  // setTimeout and setInterval take a delay below 1 as 1; for us an interval of 0 would be event-driven.
  const ms = Math.max(1, metadata.ms);
  if (metadata.kind === 'intervals') return { ...common, interval: ms, spacing: 'start' };
  return { ...common, interval: { after: Number.isNaN(ms) ? 1 : ms } };
}

/** The schedule of a cron job or a `CronTime`, as our scheduler takes it. */
export function cronInterval({
  cronTime,
  timeZone,
  utcOffset,
}: Pick<CronMetadata, 'cronTime'> & { timeZone?: unknown; utcOffset?: unknown }): CronExpression | Once {
  if (typeof cronTime !== 'string') return { at: new Date(Number(cronTime)) };
  const zone = String(timeZone ?? '');
  const [, sign, hours, minutes = 0] = FIXED_ZONE.exec(zone) ?? [];
  if (sign) return { cron: cronTime, utcOffset: Number(`${sign}${Number(hours) * 60 + Number(minutes)}`) };
  return {
    cron: cronTime,
    ...(!OWN_ZONES.has(zone.toLowerCase()) && { timeZone: zone }),
    ...(utcOffset != null && { utcOffset: Number(utcOffset) }),
  };
}

/** Names that Luxon resolves to the time zone of the process. */
const OWN_ZONES = new Set(['', 'local', 'system', 'default']);

/** Offsets such as `UTC+5:30`, which Luxon accepts beside the IANA names. */
const FIXED_ZONE = /^utc([+-])(\d{1,2})(?::(\d{2}))?$/i;
