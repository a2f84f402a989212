import { describe, expect, it } from '@jest/globals';
import { named } from './named.js';

describe('a value in an error', () => {
  it.each([
    ['often', "'often'"],
    [7, '7'],
    [1n, '1'],
    [undefined, 'undefined'],
    [Object.create(null), '[object Object]'],
    ['x'.repeat(1_000_000), `'${'x'.repeat(99)}…'`],
  ])('begins it (%#)', (value, expected) => {
    expect(named(value)).toBe(expected);
  });
});
