import { type Duration, parseDuration } from '../../core/timing/duration.js';

/** How long something waits after this many failures in a row. */
export interface BackoffOptions {
  /** After the first failure. Default 1 s. */
  initial?: Duration | undefined;
  /** What no wait exceeds. Default 5 min, or `initial` where that is longer. */
  max?: Duration | undefined;
  /** How many times as long each wait is as the one before, 1 to 1,000. Default 2. */
  factor?: number | undefined;
  /**
   * Part of the wait that is random, 0 to 1: with 0.5 it is between half and all of it. Without it, what failed
   * together tries again together. Default 0.5.
   */
  jitter?: number | undefined;
}

/** The same in milliseconds, checked. */
export interface BackoffSettings {
  readonly initial: number;
  readonly max: number;
  readonly factor: number;
  readonly jitter: number;
}

/** 1,000 to the 60th is far beyond any wait, and far from what `double precision` holds: PostgreSQL fails where JavaScript says Infinity. */
const LARGEST_FACTOR = 1_000;
const LARGEST_EXPONENT = 60;

/**
 * @throws InvalidDurationError; Error naming the field where the waits would shrink, vanish or be none.
 */
export function backoffSettings(options: BackoffOptions = {}): BackoffSettings {
  const initial = parseDuration(options.initial ?? '1s');
  const max = options.max === undefined ? Math.max(initial, 300_000) : parseDuration(options.max);
  const { factor = 2, jitter = 0.5 } = options;
  if (initial < 1) throw new Error(`initial: ${initial} ms is no wait: give 1 ms or more`);
  if (max < initial) throw new Error(`max: ${max} ms is below initial, ${initial} ms`);
  if (!(factor >= 1 && factor <= LARGEST_FACTOR))
    throw new Error(`factor: ${factor} is not from 1, which keeps the waits alike, to ${LARGEST_FACTOR}`);
  if (!(jitter >= 0 && jitter <= 1)) throw new Error(`jitter: ${jitter} is no part: give 0 to 1`);
  return { initial, max, factor, jitter };
}

/**
 * Milliseconds to wait after this many failures in a row; 0 after none.
 * @param random from 0 up to 1, where 0 is the longest wait; another one for each wait
 */
export function waitAfterFailures(
  failures: number,
  { initial, max, factor, jitter }: BackoffSettings,
  random: number = Math.random(),
): number {
  if (failures < 1) return 0;
  // Infinity where the power overflows, which `max` cuts as well.
  return Math.min(max, initial * factor ** (failures - 1)) * (1 - jitter * random);
}

/**
 * The same wait as an `interval` of SQL, for a row that counts its own failures: the statement that counts one sets
 * the next attempt by the database's clock, and no replica's clock is asked.
 * @param failures SQL for how many failures in a row there are, this one included, such as `t.attempts + 1`
 */
export function waitAfterFailuresSql(
  failures: string,
  { initial, max, factor, jitter }: BackoffSettings,
): string {
  const exponent = `least(greatest((${failures}) - 1, 0), ${LARGEST_EXPONENT})`;
  const longest = `least(${max}, ${initial} * power(${factor}::double precision, ${exponent}))`;
  return `(CASE WHEN (${failures}) < 1 THEN interval '0' ELSE ${longest} * (1 - ${jitter} * random()) * interval '1 millisecond' END)`;
}
