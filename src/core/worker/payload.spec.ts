import { describe, expect, it } from '@jest/globals';
import { InvalidPayloadError, jsonPayload } from './payload.js';

const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;

describe('the payload of a run', () => {
  it.each([
    [undefined, undefined],
    [null, null],
    [0, 0],
    ['', ''],
    [{ at: new Date(0), gone: undefined }, { at: '1970-01-01T00:00:00.000Z' }],
    [
      [Number.NaN, () => 1],
      [null, null],
    ],
    ['💥', '💥'],
    // The text of an escape, not the character.
    ['\\u0000', '\\u0000'],
    ['\\\\ud83d', '\\\\ud83d'],
    ['[{'.repeat(1_000), '[{'.repeat(1_000)],
    ['"['.repeat(1_000), '"['.repeat(1_000)],
  ])('is what its JSON says: %j', (given, expected) => {
    expect(jsonPayload('w', given)).toEqual(expected);
  });

  it('is a copy, so that nobody changes it under the run', () => {
    const given = { list: [1] };
    expect(jsonPayload('w', given)).not.toBe(given);
  });

  it.each([
    ['a NUL character', { a: ['x\0'] }, /NUL character/],
    ['a NUL character in a key', { 'x\0': 1 }, /NUL character/],
    ['a NUL character behind a backslash', '\\\0', /NUL character/],
    ['the first half of a character', '\ud83d', /half a character \(\\ud83d\)/],
    ['the second half', 'x\udca5', /half a character \(\\udca5\)/],
    ['201 levels', nested(201), /more than 200 levels deep/],
    ['5,000 levels', nested(5_000), /deep: make it flatter/],
    ['a cycle', cycle, /circular/i],
    ['a BigInt', { n: 1n }, /BigInt/],
    ['a function', () => 1, /a function is no JSON/],
    ['what throws when it is written', { toJSON: () => { throw new Error('boom'); } }, /boom/], // prettier-ignore
  ])('is refused with %s, naming the worker and the reason', (_name, given, reason) => {
    expect(() => jsonPayload('w', given)).toThrow(InvalidPayloadError);
    expect(() => jsonPayload('w', given)).toThrow(reason);
    expect(() => jsonPayload('w', given)).toThrow(/"w"/);
  });

  it('may have 200 levels', () => {
    expect(jsonPayload('w', nested(200))).toEqual(nested(200));
  });
});
