import { CronSchedule } from '../../core/timing/cron-schedule.js';

/** Expressions that are kept as read: a million schedules have few, and reading one takes ten times as long as its next slot. */
const MOST_EXPRESSIONS = 1_000;
const expressions = new Map<string, CronSchedule>();

/** @throws InvalidCronError for an expression that cannot be read or never comes, and for an unknown time zone */
export function cronSchedule(cron: string, timeZone: string): CronSchedule {
  const name = JSON.stringify([cron, timeZone]);
  let schedule = expressions.get(name);
  if (!schedule) {
    schedule = new CronSchedule({ cron, timeZone });
    if (expressions.size >= MOST_EXPRESSIONS) expressions.delete(expressions.keys().next().value!);
    expressions.set(name, schedule);
  }
  return schedule;
}
