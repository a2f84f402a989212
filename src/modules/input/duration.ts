import { z } from 'zod';
import { type Duration, parseDuration } from '../../core/timing/duration.js';

/** Limits of a length of time, both included. */
interface Limits {
  readonly min?: Duration;
  readonly max?: Duration;
}

/**
 * The longest that Node's timers wait is 24.8 days, and beyond they fire at once: what is handed to one, such as a timeout
 * of a request, has this limit.
 */
export const TIMER: Limits = { max: '24d' };

/** A length of time, in milliseconds when it has been read. */
export const duration = ({ min = 0, max = Infinity }: Limits = {}) => {
  const [least, most] = [min, max].map((limit) => (limit === Infinity ? limit : parseDuration(limit)));
  return z.custom<Duration>().transform((value, context) => {
    try {
      const milliseconds = parseDuration(value);
      if (milliseconds >= least! && milliseconds <= most!) return milliseconds;
      context.addIssue(`${milliseconds} ms is ${limits(least!, most!)}`);
    } catch (error) {
      context.addIssue((error as Error).message);
    }
    return z.NEVER;
  });
};

/** The same with a default. */
export const durationOption = (fallback: Duration, limits?: Limits) =>
  duration(limits).default(parseDuration(fallback));

function limits(least: number, most: number): string {
  if (most === Infinity) return `less than ${least} ms`;
  return least === 0 ? `more than ${most} ms` : `not from ${least} ms to ${most} ms`;
}
