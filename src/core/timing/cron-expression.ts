import { CronTime } from 'cron';
import { named } from './named.js';

/** A schedule by a cron expression. */
export interface CronExpression {
  /**
   * Five fields (minute, hour, day of month, month, day of week) or six (second first), each `*` or a list of values and
   * ranges, optionally with a step: `0 8-18/2 * * mon-fri`. Or a nickname: `@yearly @monthly @weekly
   * @weekdays @weekends @daily @hourly @minutely @secondly`. When both days are given, it runs when either matches.
   */
  readonly cron: string;
  /** IANA name, such as `Europe/Berlin`. Default: the time zone of the process. */
  readonly timeZone?: string | undefined;
  /** Minutes ahead of UTC all year, instead of a time zone: 330 is +05:30. */
  readonly utcOffset?: number | undefined;
}

/** An invalid cron expression, time zone or UTC offset. */
export class InvalidCronError extends Error {
  override readonly name = 'InvalidCronError';

  /** @param problem what is wrong with the value, and the fix: the sentence that follows the value in the message */
  constructor(
    readonly value: unknown,
    problem: string,
  ) {
    super(`${named(value)} ${problem}`);
  }
}

/** The values that each field of an expression allows, ascending. Months from 1, days of the week from Sunday, 0. */
export interface CronFields {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: readonly number[];
  readonly months: readonly number[];
  readonly daysOfWeek: readonly number[];
}

/**
 * The fields that `CronTime` parses from an expression. They are private by its types; its public search is not used, as
 * it takes 2 to 8 ms, ends 8 years from today, and runs `0 3 * * *` at the second 02:00 as well as at 03:00 in the night
 * when clocks are set back (4.4.0). Its `toJSON` returns `*` for `0-58`.
 */
type ParsedCron = Record<
  'second' | 'minute' | 'hour' | 'dayOfMonth' | 'month' | 'dayOfWeek',
  Record<number, true>
>;

const EXPECTED =
  "give five fields ('30 3 * * *'), six with the second first ('0 30 3 * * *'), or one of " +
  '@yearly, @monthly, @weekly, @weekdays, @weekends, @daily, @hourly, @minutely, @secondly';

/**
 * Reads an expression in the syntax of `@nestjs/schedule`, whose parser it uses.
 * @throws InvalidCronError also for an expression without slots, such as the 31st of February
 */
export function parseCron(cron: string): CronFields {
  const { second, minute, hour, dayOfMonth, month, dayOfWeek } = parse(cron);
  const fields: CronFields = {
    seconds: values(second),
    minutes: values(minute),
    hours: values(hour),
    daysOfMonth: values(dayOfMonth),
    months: values(month),
    daysOfWeek: values(dayOfWeek),
  };
  if (!comes(fields))
    throw new InvalidCronError(
      cron,
      `never comes: no month that it names has a day ${fields.daysOfMonth.join(' or ')}: give another day or month`,
    );
  return fields;
}

function parse(cron: unknown): ParsedCron {
  if (typeof cron !== 'string') throw new InvalidCronError(cron, `is not a cron expression: ${EXPECTED}`);
  try {
    return new CronTime(cron.trim()) as unknown as ParsedCron;
  } catch (error) {
    throw new InvalidCronError(cron, `is not a cron expression (${(error as Error).message}): ${EXPECTED}`);
  }
}

/** Integer keys are in ascending order. */
function values(field: Record<number, true>): number[] {
  return Object.keys(field).map(Number);
}

function comes({ daysOfMonth, months, daysOfWeek }: CronFields): boolean {
  const daysInLeapYear = (month: number): number => new Date(Date.UTC(2000, month, 0)).getUTCDate();
  return daysOfWeek.length < 7 || months.some((month) => daysInLeapYear(month) >= daysOfMonth[0]!);
}
