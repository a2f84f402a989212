import { describe, expect, it } from '@jest/globals';
import { withoutNumbers } from './without-numbers.js';

describe('withoutNumbers', () => {
  it.each([
    ['fetch failed for order 16', 'fetch failed for order 1734'],
    ['no run 1e1e1e1e-0000-4000-8000-000000000000', 'no run ABCDEF01-2345-4000-8000-00000000000f'],
    ['inst_01m8be34ste8gbtxamvyngqjts is gone', 'inst_01m8be34tbe8gbtxb22yc0ypa0 is gone'],
    ['took 1500 ms, most 20', 'took 3 ms, most 7'],
  ])('makes one of "%s" and "%s"', (one, other) => {
    expect(withoutNumbers(one)).toBe(withoutNumbers(other));
  });

  it.each([
    ['fetch failed', 'fetch refused'],
    ['no order 3', 'no invoice 3'],
    ['abcdefghijklmnopqrstuvwxyz0', 'abcdefghijklmnopqrstuvwxyy0'],
  ])('keeps "%s" and "%s" apart', (one, other) => {
    expect(withoutNumbers(one)).not.toBe(withoutNumbers(other));
  });
});
