import { type CronExpression, CronSchedule } from '../timing/cron-schedule.js';
import { type Duration, parseDuration } from '../timing/duration.js';
import { ElapsedSchedule } from '../timing/elapsed-schedule.js';
import { IntervalSchedule } from '../timing/interval-schedule.js';
import { JitteredSchedule } from '../timing/jittered-schedule.js';
import { EndingSchedule } from '../timing/ending-schedule.js';
import { DelaySchedule, type Once, OnceSchedule } from '../timing/once-schedule.js';
import { type Schedule } from '../timing/schedule.js';
import { type OptionNames, requireKnown } from '../text/option-names.js';
import { shown } from '../text/shown.js';
import { type WorkerOptions } from '../worker/worker-options.js';
import { type Worker } from '../worker/worker.js';

/** When a worker is due: the part of its definition that can change while it is registered. */
export interface Timing {
  /** The schedule as it was given. */
  readonly every: Worker['interval'];
  /** Milliseconds; 0 for event-driven and for cron. */
  readonly interval: number;
  /** Its cron expression; undefined for an interval. */
  readonly cron: string | undefined;
  /** Undefined for event-driven. */
  readonly schedule: JitteredSchedule | undefined;
}

/** @throws Error that names the value and the fix */
export function timingOf(
  name: string,
  every: Worker['interval'],
  jitter: WorkerOptions['jitter'] = 0,
  spacing: WorkerOptions['spacing'] = 'slot',
  until = Infinity,
): Timing {
  if (typeof every === 'object' && every !== null)
    return {
      every,
      interval: 0,
      cron: 'cron' in every ? every.cron : undefined,
      schedule: new JitteredSchedule(name, ending(calendarSchedule(every), until), longestJitter(jitter)),
    };
  const exact = parseDuration(every);
  if (exact > 0 && exact < 1)
    throw new Error(`${exact} ms is below 1 ms: give 1 or more, or 0 for an event-driven worker`);
  // Rounded, as slots are instants that databases store and replicas compare.
  const interval = Math.round(exact);
  if (interval === 0) return { every, interval, cron: undefined, schedule: undefined };
  const schedule = spacing === 'start' ? new ElapsedSchedule(interval) : new IntervalSchedule(name, interval);
  return {
    every,
    interval,
    cron: undefined,
    schedule: new JitteredSchedule(name, ending(schedule, until), longestJitter(jitter, interval)),
  };
}

const CRON_NAMES: OptionNames<CronExpression> = { cron: true, timeZone: true, utcOffset: true };

function ending(schedule: Schedule, until: number): Schedule {
  return until === Infinity ? schedule : new EndingSchedule(schedule, until);
}

function calendarSchedule(every: CronExpression | Once): Schedule {
  if ('after' in every) return new DelaySchedule(parseDuration(every.after));
  if ('cron' in every) {
    requireKnown(every, CRON_NAMES);
    return new CronSchedule(every);
  }
  if (Array.isArray(every) || !('at' in every))
    throw new Error(
      `${JSON.stringify(every)} is not a duration: give one such as '30s'; options come after it, as in @Interval('30s', { … })`,
    );
  const at = Number(every.at);
  if (!Number.isFinite(at)) throw new Error(`at: ${String(every.at)} is not a date`);
  return new OnceSchedule(at);
}

/**
 * Spacings other than `slot` count an interval. Under `delay`, an expression or an instant would run again as soon as a
 * run has ended, for ever.
 * @returns what is wrong, if anything is
 */
export function spacingFault(
  spacing: NonNullable<WorkerOptions['spacing']>,
  { every, interval, schedule }: Timing,
): string | undefined {
  if (spacing === 'slot' || interval > 0 || !schedule) return undefined;
  const given = typeof every === 'object' && 'cron' in every ? `"${every.cron}"` : JSON.stringify(every);
  return `'${spacing}' counts an interval from the ${spacing === 'delay' ? 'end of a run' : 'start'}, and ${given} is none: give an interval, or the spacing 'slot'`;
}

function longestJitter(jitter: number | Duration, interval?: number): number {
  if (typeof jitter === 'string') return parseDuration(jitter);
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1))
    throw new Error(
      `a jitter of ${shown(jitter)} is neither a fraction of the interval (0 to 1) nor a duration such as '30s'`,
    );
  if (jitter > 0 && interval === undefined)
    throw new Error(
      `a jitter of ${jitter} is a fraction of an interval, which cron has not: give a duration such as '30s'`,
    );
  return jitter * (interval ?? 0);
}
