import { type Duration, parseDuration } from '../timing/duration.js';
import { InvalidRetentionError } from './history.errors.js';
import { messageOf } from '../text/describe-error.js';

/** How much of the history is kept: a run that either of the two leaves out is deleted. */
export interface RetentionOptions {
  /** Since its end. Default 7 days. In memory runs are kept by number alone. */
  maxAge?: Duration | undefined;
  /** Of each worker, the newest. At least 1; Infinity for no limit. Default 10,000; in memory 100. */
  maxRuns?: number | undefined;
}

/** The same, checked; `maxAge` in milliseconds. */
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
