import { describe, expect, it } from '@jest/globals';
import { AXES, eachValue, everyCell, nameOf, pairsOf, pairwise } from './cells.js';

describe('the applications of the matrix', () => {
  it('are, in full, every one that there can be', () => {
    const names = everyCell().map(nameOf);
    expect(new Set(names).size).toBe(names.length);
    // 3 of Node × 2 of TypeORM × (Nest 11: 2 of schedule 6 × 8, and with 12 the 6 that need no require() in Jest; Nest 12: 6)
    expect(names).toHaveLength(3 * 2 * (2 * 8 + 6 + 6));
  });

  it('are, by pairs, few that have all pairs that any has', () => {
    const few = pairwise();
    expect(new Set(few.flatMap(pairsOf))).toEqual(new Set(everyCell().flatMap(pairsOf)));
    expect(few.length).toBeLessThan(25);
  });

  it('are, in short, a handful that have each value', () => {
    const few = eachValue();
    for (const [axis, values] of Object.entries(AXES))
      expect(new Set(few.map((cell) => cell[axis as keyof typeof AXES]))).toEqual(new Set(values));
    expect(few.length).toBeLessThanOrEqual(5);
  });
});
