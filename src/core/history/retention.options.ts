import { type Duration, parseDuration } from '../timing/duration.js';
import { InvalidRetentionError } from './history.errors.js';
import { messageOf } from '../text/describe-error.js';

/** How much of the history is kept: a run beyond either limit is deleted. */
export interface RetentionOptions {
  /** Age since the end of the run. Default 7 days. Not used in memory, where only the number counts. */
  maxAge?: Duration | undefined;
  /**
   * Number of runs per worker; the newest are kept. At least 1; Infinity for no limit. Default 10,000; in memory 100.
   */
  maxRuns?: number | undefined;
}

/** Checked options with defaults; `maxAge` in milliseconds. */
export type RetentionLimits = { [K in keyof RetentionOptions]-?: number };

/** @throws InvalidRetentionError */
export function retentionLimits({ maxAge = '7d', maxRuns = 10_000 }: RetentionOptions = {}): RetentionLimits {
  if (maxRuns !== Infinity && !(Number.isInteger(maxRuns) && maxRuns >= 1))
    throw new InvalidRetentionError(
      `.maxRuns: ${String(maxRuns)} is no number of runs: give 1 or more, or Infinity for no limit`,
    );
  return { maxAge: longestAge(maxAge), maxRuns };
}

function longestAge(maxAge: Duration): number {
  let age: number;
  try {
    age = parseDuration(maxAge);
  } catch (error) {
    throw new InvalidRetentionError(`.maxAge: ${messageOf(error)}`);
  }
  if (age === 0)
    throw new InvalidRetentionError('.maxAge: 0 keeps no run: give a time, or false to delete none');
  return age;
}
