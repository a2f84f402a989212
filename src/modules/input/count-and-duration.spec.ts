import { describe, expect, it } from '@jest/globals';
import { type z } from 'zod';
import { count } from './count.js';
import { durationOption, TIMER } from './duration.js';

const read = (schema: z.ZodType, value: unknown) => {
  const { success, data, error } = schema.safeParse(value);
  return success ? data : error!.issues.map(({ message }) => message).join('; ');
};

describe('an option that is a length of time', () => {
  it.each([
    ['30s', 30_000],
    [250, 250],
    ['400d', 400 * 86_400_000],
    [undefined, 60_000],
    ['1 fortnight', expect.stringContaining("'1 fortnight' is not a duration")],
    [-1, expect.stringContaining('-1 is not a duration')],
    [{}, expect.stringContaining('is not a duration')],
  ])('read from %p is %p', (value, expected) => {
    expect(read(durationOption('1m'), value)).toEqual(expected);
  });

  it.each([
    [{ min: 100, max: '10s' as const }, '11s', '11000 ms is not from 100 ms to 10000 ms'],
    [{ min: 100 }, 99, '99 ms is less than 100 ms'],
    // Node's timers would fire at once.
    [TIMER, '25d', '2160000000 ms is more than 2073600000 ms'],
    [TIMER, '24d', 2_073_600_000],
  ])('within %j, read from %p, is %p', (limits, value, expected) => {
    expect(read(durationOption('1s', limits), value)).toEqual(expected);
  });
});

describe('an option that is a number of things', () => {
  it.each([
    [1, 1],
    [1_000, 1_000],
    [0, '0 is not a whole number from 1 to 1000'],
    [1_001, '1001 is not a whole number from 1 to 1000'],
    [1.5, '1.5 is not a whole number from 1 to 1000'],
    ['3', '"3" is not a whole number from 1 to 1000'],
    [NaN, 'NaN is not a whole number from 1 to 1000'],
  ])('read from %p is %p', (value, expected) => {
    expect(read(count(1, 1_000), value)).toEqual(expected);
  });
});
