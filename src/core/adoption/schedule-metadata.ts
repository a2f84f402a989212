import { type CronOptions, type ScheduleModuleOptions } from '@nestjs/schedule';

/** The kinds of handlers, named as the flags of `ScheduleModule.forRoot`. */
export type ScheduleKind = keyof ScheduleModuleOptions;

/** Arguments of `@Cron`. A date or a Luxon `DateTime` is the single instant at which it runs. */
export type CronMetadata = CronOptions & { cronTime: string | Date | { toMillis(): number } };

/** What a decorator of `@nestjs/schedule` has stored on a method. `ms` is in milliseconds. */
export type ScheduleMetadata =
  | { readonly kind: 'cronJobs'; readonly name: string | undefined; readonly cron: CronMetadata }
  | { readonly kind: 'intervals' | 'timeouts'; readonly name: string | undefined; readonly ms: number };

/**
 * Metadata keys of the decorators. The package exports none of them; they are the same in its versions 6 and 12, and
 * a spec compares them with the installed version.
 */
const TYPE = 'SCHEDULER_TYPE';
const NAME = 'SCHEDULER_NAME';
const CRON_OPTIONS = 'SCHEDULE_CRON_OPTIONS';
const INTERVAL_OPTIONS = 'SCHEDULE_INTERVAL_OPTIONS';
const TIMEOUT_OPTIONS = 'SCHEDULE_TIMEOUT_OPTIONS';
const [CRON, TIMEOUT, INTERVAL] = [1, 2, 3];

/** Token of the options of a `ScheduleModule`. */
export const SCHEDULE_MODULE_OPTIONS = 'SCHEDULE_MODULE_OPTIONS';

/** @returns undefined for anything that is not decorated */
export function scheduleMetadata(method: unknown): ScheduleMetadata | undefined {
  if (typeof method !== 'function') return undefined;
  const read = (key: string): unknown => Reflect.getMetadata(key, method);
  const milliseconds = (key: string): number => Number((read(key) as { timeout: unknown }).timeout);
  const type = read(TYPE);
  const name = (read(NAME) as string | undefined) || undefined;
  if (type === CRON) return { kind: 'cronJobs', name, cron: read(CRON_OPTIONS) as CronMetadata };
  if (type === INTERVAL) return { kind: 'intervals', name, ms: milliseconds(INTERVAL_OPTIONS) };
  if (type === TIMEOUT) return { kind: 'timeouts', name, ms: milliseconds(TIMEOUT_OPTIONS) };
  return undefined;
}
