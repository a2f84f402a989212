import { describe, expect, it } from '@jest/globals';
import { shownDuration, wholeDuration } from './shown-duration.js';

describe('a duration for people', () => {
  it.each([
    [-5, '0 ms'],
    [0, '0 ms'],
    [84.6, '85 ms'],
    [1_000, '1 s'],
    [1_234, '1.2 s'],
    [10_999, '10 s'],
    [60_000, '1 m'],
    [89_000, '1 m 29 s'],
    [250_000, '4 m 10 s'],
    [7_200_000, '2 h'],
    [7_500_000, '2 h 5 m'],
    [7_205_000, '2 h'],
    [129_600_000, '1 d 12 h'],
  ])('of %d ms is %s', (ms, shown) => {
    expect(shownDuration(ms)).toBe(shown);
  });

  it.each([
    [0, '0 ms'],
    [30_000, '30 s'],
    [90_000, '1 m 30 s'],
    [10_500, '10 s 500 ms'],
    [90_061_001, '1 d 1 h 1 m 1 s 1 ms'],
  ])('as a whole, of %d ms, is %s', (ms, shown) => {
    expect(wholeDuration(ms)).toBe(shown);
  });
});
