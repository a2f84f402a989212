import { describe, expect, it } from '@jest/globals';
import { InvalidIdError } from './id.errors.js';
import { ID_PREFIXES, type IdKind, isId, newId, parseId } from './typed-id.js';

const KINDS = Object.keys(ID_PREFIXES) as IdKind[];

describe('typed ids', () => {
  it.each(KINDS)('are recognised again as the kind that they were made for: %s', (kind) => {
    const id = newId(kind);
    expect(id).toMatch(new RegExp(`^${ID_PREFIXES[kind]}_[0-9a-z]{26}$`));
    expect(parseId(kind, id)).toBe(id);
    for (const other of KINDS) expect(isId(other, id)).toBe(other === kind);
  });

  it('sort in the order in which they were made', () => {
    const ids = Array.from({ length: 1_000 }, () => newId('event'));
    expect(ids.toSorted()).toEqual(ids);
  });

  it.each([
    ['nothing', ''],
    ['another prefix', 'wkl_01h455vb4pex5vsknk084sn02q'],
    ['no prefix', '01h455vb4pex5vsknk084sn02q'],
    ['upper case', 'ten_01H455VB4PEX5VSKNK084SN02Q'],
    ['a character too few', 'ten_01h455vb4pex5vsknk084sn02'],
    ['a character too many', 'ten_01h455vb4pex5vsknk084sn02qq'],
    ['a letter that base32 leaves out', 'ten_01h455vb4pex5vsknk084sn02u'],
    ['more than 128 bits', 'ten_81h455vb4pex5vsknk084sn02q'],
    ['a line break at the end', 'ten_01h455vb4pex5vsknk084sn02q\n'],
    ['SQL', `ten_'; DROP TABLE tenants; --`],
    ['a number', 7],
    ['null', null],
    ['an object', { toString: () => 'ten_01h455vb4pex5vsknk084sn02q' }],
  ])('are refused when malformed: %s', (_what, value) => {
    expect(isId('tenant', value)).toBe(false);
    expect(() => parseId('tenant', value)).toThrow(InvalidIdError);
  });

  it('say in the error what was given, cut short, and what was expected', () => {
    expect(() => parseId('tenant', 'x'.repeat(10_000))).toThrow(
      new RegExp(`^"x{64}" is not a tenant id: expected "ten_" and 26 characters`),
    );
  });
});
