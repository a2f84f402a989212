import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { firstInLine } from './precedence.js';

const workers = Array.from({ length: 3_000 }, (_, i) => `worker-${i}`);
const replicas = ['8d5a', '1c02', 'b7f1', '4e9b'].map((start) => `${start}${randomUUID().slice(4)}`);

describe('firstInLine', () => {
  it('is the same whatever the order in which the replicas were heard of', () => {
    for (const worker of workers)
      expect(firstInLine(worker, replicas)).toBe(firstInLine(worker, replicas.toReversed()));
  });

  it('gives each replica about its share', () => {
    const shares = new Map<string | undefined, number>();
    for (const worker of workers) {
      const first = firstInLine(worker, replicas);
      shares.set(first, (shares.get(first) ?? 0) + 1);
    }
    expect([...shares.keys()].toSorted()).toEqual(replicas.toSorted());
    // 750 each; a binomial spread of more than six sigma would be a hash that leans.
    for (const share of shares.values()) expect(Math.abs(share - 750)).toBeLessThan(150);
  });

  it('changes for none but the workers of a replica that goes', () => {
    const [gone, ...others] = replicas;
    for (const worker of workers) {
      const before = firstInLine(worker, replicas);
      if (before !== gone) expect(firstInLine(worker, others)).toBe(before);
    }
  });

  it('is nobody where there is none', () => {
    expect(firstInLine('w', [])).toBeUndefined();
  });
});
