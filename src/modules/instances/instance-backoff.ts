import { waitAfterFailures } from '../database/row-backoff.js';

/** How instances are tried again that end, or cannot be made. Lengths of time in milliseconds. */
export interface InstanceBackoff {
  /** Wait after the second failure in a row; the first is repaired at once. Default 1 s. */
  initial: number;
  /** Longest wait. It is tried for ever. Default 5 m. */
  max: number;
  /** Failures in a row from which on it is called crash-looping. Default 3. */
  crashLoopAfter: number;
  /** How long it has to run for its failures to be forgotten. Default 2 m. */
  stableAfter: number;
}

export const DEFAULT_INSTANCE_BACKOFF: InstanceBackoff = {
  initial: 1_000,
  max: 300_000,
  crashLoopAfter: 3,
  stableAfter: 120_000,
};

/** A tenth less at random, so that what failed together is not tried together. */
const JITTER = 0.1;

/** How long to wait after this many failures in a row, in milliseconds. */
export function waitAfter(failures: number, { initial, max }: InstanceBackoff): number {
  return Math.round(waitAfterFailures(failures - 1, { initial, max, factor: 2, jitter: JITTER }));
}
