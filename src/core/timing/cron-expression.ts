import { CronTime } from 'cron';

/** When to run, as cron says it. */
export interface CronExpression {
  /**
   * Five fields (minute, hour, day of month, month, day of week) or six (second first), each `*` or a list of
   * values and ranges, with a step if need be: `0 8-18/2 * * mon-fri`. Or a nickname: `@yearly @monthly @weekly
   * @weekdays @weekends @daily @hourly @minutely @secondly`. With both days given, either will do.
   */
  readonly cron: string;
  /** IANA name, such as `Europe/Berlin`. Default: the time zone of the process. */
  readonly timeZone?: string | undefined;
  /** Minutes ahead of UTC all year round, in place of a time zone: 330 is +05:30. */
  readonly utcOffset?: number | undefined;
}

/** Something that should say when to run, as cron does, does not; or it names no time zone. */
export class InvalidCronError extends Error {
  override readonly name = 'InvalidCronError';

  /** @param problem what is wrong with the value, and the fix: the rest of the sentence that the value begins */
  constructor(
    readonly value: unknown,
    problem: string,
  ) {
    super(`${typeof value === 'string' ? `'${value}'` : String(value)} ${problem}`);
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
 * What `CronTime` makes of an expression. Private by its types, and yet all that is used of it: its public search
 * takes 2 to 8 ms, ends 8 years from today, and runs `0 3 * * *` at the second 02:00 as well as at 03:00 in the
 * night when clocks go back (4.4.0). Its `toJSON` takes `0-58` for `*`.
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
 * @throws InvalidCronError also for one that never comes, such as the 31st of February
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

/** Keys that are whole numbers come in ascending order. */
function values(field: Record<number, true>): number[] {
  return Object.keys(field).map(Number);
}

function comes({ daysOfMonth, months, daysOfWeek }: CronFields): boolean {
  const daysInLeapYear = (month: number): number => new Date(Date.UTC(2000, month, 0)).getUTCDate();
  return daysOfWeek.length < 7 || months.some((month) => daysInLeapYear(month) >= daysOfMonth[0]!);
}
