import { fractionOf } from '../../timing/hash.js';

/**
 * Which of these replicas claims a worker's slots first. All come to the same answer without a word between them
 * (rendezvous hashing): each is the first for its share of the workers, and when one comes or goes, only what it gains
 * or leaves changes hands.
 *
 * That is about who asks when, and about nothing else: who runs is decided by the claim.
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
