import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { KeyRing, sealingKeyOf } from './key-ring.js';
import {
  InvalidEncryptionKeysError,
  SealedSecretError,
  UnknownEncryptionKeyError,
} from './key-ring.errors.js';

const key = () => randomBytes(32).toString('base64');

describe('KeyRing', () => {
  it('opens what it sealed, also what is long or empty, and never seals it the same way twice', () => {
    const ring = new KeyRing([{ id: 'a', key: key() }]);
    for (const secret of ['', 'x', 'ü'.repeat(10_000)]) {
      const sealed = ring.seal(secret, 'row 1');
      expect(ring.open(sealed, 'row 1')).toBe(secret);
      expect(ring.seal(secret, 'row 1')).not.toBe(sealed);
      if (secret.length > 1) expect(sealed).not.toContain(secret);
    }
  });

  it('seals with the first key, and opens with any', () => {
    const [a, b] = [
      { id: 'a', key: key() },
      { id: 'b', key: key() },
    ];
    const old = new KeyRing([a]).seal('secret', 'x');
    const rotated = new KeyRing([b, a]);
    expect(rotated.open(old, 'x')).toBe('secret');
    expect(sealingKeyOf(rotated.seal('secret', 'x'))).toBe('b');
    expect(() => new KeyRing([b]).open(old, 'x')).toThrow(UnknownEncryptionKeyError);
  });

  it('opens nothing that was changed anywhere, moved to another purpose, or sealed by another key of that id', () => {
    const ring = new KeyRing([{ id: 'a', key: key() }]);
    const sealed = ring.seal('secret', 'row 1');
    expect(() => ring.open(sealed, 'row 2')).toThrow(SealedSecretError);
    expect(() => new KeyRing([{ id: 'a', key: key() }]).open(sealed, 'row 1')).toThrow(SealedSecretError);
    const parts = sealed.split('.');
    for (const at of [2, 3, 4]) {
      const bytes = Buffer.from(parts[at]!, 'base64url');
      bytes[0]! ^= 1;
      const changed = parts.with(at, bytes.toString('base64url')).join('.');
      expect(() => ring.open(changed, 'row 1')).toThrow(SealedSecretError);
    }
    const short = parts.with(3, parts[3]!.slice(0, 8)).join('.');
    for (const broken of ['', 'v1', 'v2.a.b.c.d', short])
      expect(() => ring.open(broken, 'row 1')).toThrow(SealedSecretError);
  });

  it('reads keys from an environment variable', () => {
    const text = `${KeyRing.generate('2026-11')}, ${KeyRing.generate('2026-05')}`;
    expect(KeyRing.parse(text).current).toBe('2026-11');
    expect(KeyRing.parse(text).has('2026-05')).toBe(true);
  });

  it.each([
    ['', 'there is none'],
    ['nothing', 'key 1 is no "id:key"'],
    ['a:c2hvcnQ=', '"a" has 5 bytes instead of 32'],
    [`a b:${key()}`, 'key 1 has no id'],
    [`a:${key()},a:${key()}`, 'two with the id "a"'],
  ])('refuses %j, and does not repeat a key', (text, fault) => {
    expect(() => KeyRing.parse(text)).toThrow(InvalidEncryptionKeysError);
    expect(() => KeyRing.parse(text)).toThrow(fault);
    expect(() => KeyRing.parse(text)).not.toThrow(/c2hvcnQ=/);
  });
});
