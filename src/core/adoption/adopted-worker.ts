import { type CronExpression } from '../timing/cron-schedule.js';
import { type Once } from '../timing/once-schedule.js';
import { type Worker } from '../worker/worker.js';
import { type WorkerOptions } from '../worker/worker-options.js';
import { type CronMetadata, type ScheduleMetadata } from './schedule-metadata.js';

/** Timers of a process that has nothing else to do are a few milliseconds late: that is no missed deadline. */
const TIMER_SLACK = 50;

/**
 * When and how a handler of `@nestjs/schedule` runs, in the words of our options. Nothing is caught up after downtime
 * unless `options.workers` says so.
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
  // setTimeout and setInterval make 1 of anything below it; for us an interval of 0 would be event-driven.
  const ms = Math.max(1, metadata.ms);
  if (metadata.kind === 'intervals') return { ...common, interval: ms, spacing: 'start' };
  return { ...common, interval: { after: Number.isNaN(ms) ? 1 : ms } };
}

/** What a cron job or a `CronTime` says, for our scheduler. */
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

/** What Luxon takes for the time zone of the process. */
const OWN_ZONES = new Set(['', 'local', 'system', 'default']);

/** `UTC+5:30`, which Luxon takes for a time zone beside the IANA names. */
const FIXED_ZONE = /^utc([+-])(\d{1,2})(?::(\d{2}))?$/i;
