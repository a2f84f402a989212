import { describe, expect, it } from '@jest/globals';
import { InvalidDurationError, parseDuration } from './duration.js';

describe('parseDuration', () => {
  it.each([
    [0, 0],
    [1.5, 1.5],
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    [' 5s ', 5_000],
  ])('reads %p as %p ms', (given, ms) => {
    expect(parseDuration(given)).toBe(ms);
  });

  it.each([
    '5 bananas',
    '',
    '5',
    '-5s',
    '5M',
    '1h30m',
    'Infinitys',
    -1,
    NaN,
    Infinity,
    null,
    undefined,
    {},
    [],
  ])('refuses %p and says what a duration looks like', (given) => {
    expect(() => parseDuration(given as string)).toThrow(InvalidDurationError);
    expect(() => parseDuration(given as string)).toThrow(/'500ms', '30s'/);
  });

  it('names the value that it refuses', () => {
    expect(() => parseDuration('5 bananas')).toThrow(/^'5 bananas' is not a duration/);
  });

  it.each(['36526d', '99999999999d', 1e15, Number.MAX_VALUE])(
    'refuses %p, for which there is no date',
    (value) => {
      expect(() => parseDuration(value)).toThrow(/is longer than a hundred years$/);
    },
  );

  it('takes a hundred years', () => expect(parseDuration('36525d')).toBe(36_525 * 86_400_000));
});
