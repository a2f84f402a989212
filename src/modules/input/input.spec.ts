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
    expect(faults[2]).toBe('more: unknown option: choose from name, nested');
  });

  it('says of each key that nobody reads where it is, and what was probably meant', () => {
    const inner = z.strictObject({ every: z.int().optional(), at: z.int().optional() });
    const outer = z.strictObject({ list: z.array(z.union([inner, z.string()])), inner: inner.optional() });
    expect(faultsOf(outer, { list: [], inner: { evry: 1, x: 2 }, lists: 3 })).toEqual([
      'inner.evry: unknown option: did you mean every?',
      'inner.x: unknown option: choose from every, at',
      'lists: unknown option: did you mean list?',
    ]);
  });

  it('says what the input was meant to be', () => {
    expect(() => parseInput('thing', name, 7)).toThrow('This thing cannot be used: expected a name');
  });
});

describe('what no schema looks at', () => {
  const anything = z.strictObject({
    map: z.record(z.string(), z.json()).optional(),
    list: z.json().optional(),
  });
  const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;

  it('is refused where it is nested so deeply that walking it would end the stack', () => {
    expect(faultsOf(anything, { list: nested(50) })).toEqual([]);
    for (const depth of [200, 100_000])
      expect(faultsOf(anything, { list: nested(depth) })).toEqual([
        expect.stringMatching(/^list(\.0)+…?: is nested more than 100 levels deep$/),
      ]);
    const circle: { list?: unknown } = {};
    circle.list = circle;
    expect(faultsOf(anything, circle)).toEqual([expect.stringMatching(/more than 100 levels deep$/)]);
  });

  it.each(['{"map": {"__proto__": 1}}', '{"list": [{"a": {"__proto__": {}}}]}', '{"__proto__": {}}'])(
    'names a key "__proto__", which maps lose silently: %s',
    (text) => {
      expect(faultsOf(anything, JSON.parse(text))).toEqual([
        expect.stringMatching(/__proto__: a key of this name is refused$/),
      ]);
    },
  );

  it('may be named as what every object has', () => {
    const map = JSON.parse('{"constructor": 1, "toString": 2, "hasOwnProperty": 3}') as object;
    expect(parseInput('thing', anything, { map })).toEqual({ map });
  });

  it.each([
    ['a value', { map: { a: ['x', 'y\0'] } }, /^map\.a\.1: /],
    ['half a surrogate pair', { list: '\ud800' }, /^list: /],
    ['a key', { map: { 'a\0': 1 } }, /^map: the key "a\\u0000" /],
  ])('is refused where no database takes it, with its place: %s', (_, value, place) => {
    const [fault, ...others] = faultsOf(anything, value);
    expect(fault).toMatch(place);
    expect(fault).toMatch(/holds a NUL character or half a surrogate pair$/);
    expect(others).toEqual([]);
  });

  it('is left alone inside of what is no plain object', () => {
    class Deep {
      self = this;
      text = '\0';
    }
    const deep = new Deep();
    expect(parseInput('thing', z.object({ deep: z.instanceof(Deep) }), { deep })).toEqual({ deep });
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
