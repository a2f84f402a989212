import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { type InvalidInputError } from './input.errors.js';
import { name, parseInput, shown } from './input.js';

const faultsOf = (schema: z.ZodType, value: unknown): readonly string[] => {
  try {
    parseInput('thing', schema, value);
    return [];
  } catch (error) {
    return (error as InvalidInputError).faults;
  }
};

describe('parseInput', () => {
  const schema = z.strictObject({ name, nested: z.array(z.object({ n: z.int() })) });

  it('gives the value in the shape of the schema', () => {
    expect(parseInput('thing', schema, { name: 'a', nested: [{ n: 1 }] })).toEqual({
      name: 'a',
      nested: [{ n: 1 }],
    });
  });

  it('names every fault with the place where it is', () => {
    const faults = faultsOf(schema, { name: 'A', nested: [{ n: 1 }, { n: 'x' }], more: 1 });
    expect(faults).toHaveLength(3);
    expect(faults[0]).toMatch(/^name: "A" is no name/);
    expect(faults[1]).toMatch(/^nested\.1\.n: /);
    expect(faults[2]).toMatch(/"more"/);
  });

  it('says what the input was meant to be', () => {
    expect(() => parseInput('thing', name, 7)).toThrow('This thing cannot be used: expected a name');
  });
});

describe('names', () => {
  it.each(['a', '0', 'web', 'web-1', 'a.b_c-d', 'x'.repeat(63)])('may be %s', (value) => {
    expect(faultsOf(name, value)).toEqual([]);
  });

  it.each(['', 'Web', '-web', 'web-', 'a b', 'a/b', '../x', 'ü', 'a\n', 'x'.repeat(64)])(
    'may not be %j',
    (value) => {
      expect(faultsOf(name, value)).toHaveLength(1);
    },
  );
});

describe('shown values', () => {
  it('are quoted, on one line and cut short', () => {
    expect(shown('a\nb')).toBe('"a\\nb"');
    expect(shown(Number.NaN)).toBe('NaN');
    expect(shown(undefined)).toBe('undefined');
    expect(shown('x'.repeat(100))).toHaveLength(64);
  });
});
