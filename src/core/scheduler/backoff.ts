import { type BackoffTimes } from '../registry/worker-rules.js';

/** Milliseconds to wait after this many failures in a row. */
export function waitAfter(failures: number, { initial, max, factor }: BackoffTimes): number {
  return Math.min(max, initial * factor ** (failures - 1));
}
