import { fractionOf } from '../../timing/hash.js';

/**
 * Which of these replicas claims a worker's slots first. All compute the same answer without communication (rendezvous
 * hashing): each is first for its share of the workers, and when one comes or goes, only its share changes hands.
 *
 * This decides only which replica claims when; the claim decides which one runs.
 * @returns undefined if there is none
 */
export function firstInLine(worker: string, replicas: readonly string[]): string | undefined {
  let first: string | undefined;
  let most = -1;
  for (const replica of replicas) {
    const weight = fractionOf(`${worker}@${replica}`);
    if (weight > most || (weight === most && replica > first!)) [first, most] = [replica, weight];
  }
  return first;
}
