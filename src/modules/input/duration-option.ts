import { z } from 'zod';
import { type Duration, parseDuration } from '../../core/timing/duration.js';

/** An option that is a length of time, in milliseconds when it has been read. */
export const durationOption = (fallback: Duration) =>
  z
    .any()
    .default(fallback)
    .transform((value, context) => {
      try {
        return parseDuration(value);
      } catch (error) {
        context.addIssue((error as Error).message);
        return z.NEVER;
      }
    });
