import { named } from './named.js';

type Unit = 'ms' | 's' | 'm' | 'h' | 'd' | 'w';

/** A duration: milliseconds, or a number with a unit such as `'500ms' '30s' '1.5h' '7d'`. */
export type Duration = number | `${number}${Unit}`;

const UNITS: Record<Unit, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A hundred years in milliseconds. Beyond some 275,000 years there is no `Date`. */
const LONGEST = 36_525 * UNITS.d;

const PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/;

/** A value is not a duration, or is longer than a hundred years. */
export class InvalidDurationError extends Error {
  override readonly name = 'InvalidDurationError';

  constructor(
    readonly value: unknown,
    problem = "is not a duration: give milliseconds (5000) or a number with a unit ('500ms', '30s', '5m', '1h', '7d')",
  ) {
    super(`${named(value)} ${problem}`);
  }
}

/**
 * Milliseconds of a duration. Accepts any string, so that configuration can be passed without a cast.
 * @throws InvalidDurationError for anything else: another unit, a negative or infinite number, NaN, more than a hundred
 * years.
 */
export function parseDuration(value: Duration | string): number {
  const milliseconds = millisecondsOf(value);
  if (milliseconds > LONGEST) throw new InvalidDurationError(value, 'is longer than a hundred years');
  return milliseconds;
}

function millisecondsOf(value: Duration | string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  const match = typeof value === 'string' ? PATTERN.exec(value.trim()) : null;
  if (!match) throw new InvalidDurationError(value);
  return Number(match[1]) * UNITS[match[2] as Unit];
}
