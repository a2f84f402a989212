import { describe, expect, it } from '@jest/globals';
import { InvalidInputError } from '../input/input.errors.js';
import { covers, normalizeName, parseNames, registeredDomain } from './names.js';

describe('names of a certificate', () => {
  it.each([
    ['Shop.Example.COM', 'shop.example.com'],
    ['shop.example.com.', 'shop.example.com'],
    [' bücher.example ', 'xn--bcher-kva.example'],
    ['*.Example.com', '*.example.com'],
    ['192.0.2.7', '192.0.2.7'],
    ['2001:DB8::0:1', '2001:db8::1'],
    ['acme.test', 'acme.test'],
    ['shop.localhost', 'shop.localhost'],
  ])('%s is %s', (text, name) => expect(normalizeName(text)).toBe(name));

  it.each([
    '',
    '.',
    'localhost',
    'com',
    'co.uk',
    '*.co.uk',
    '*.com',
    '*',
    '*.*.example.com',
    'a.*.example.com',
    'under_score.example.com',
    '-a.example.com',
    'a-.example.com',
    'a..example.com',
    `${'a'.repeat(64)}.example.com`,
    `${'abcdefgh.'.repeat(30)}example.com`,
    'a b.example.com',
    'example.com/path',
    'user@example.com',
    'example.com:443',
    'a\0.example.com',
    'fe80::1%eth0',
    '::1%',
  ])('%j can be in no certificate', (text) => {
    expect(normalizeName(text)).toBeUndefined();
    expect(() => parseNames([text])).toThrow(InvalidInputError);
  });

  it('are a set: normalized, each once, in one order', () => {
    expect(parseNames(['b.example.com', 'A.example.com', 'b.example.com.'])).toEqual([
      'a.example.com',
      'b.example.com',
    ]);
    expect(() => parseNames([])).toThrow('give at least one name');
    expect(() => parseNames(Array.from({ length: 101 }, (_, i) => `n${i}.example.com`))).toThrow('100 names');
  });

  it.each([
    ['a.b.example.com', 'example.com'],
    ['*.example.co.uk', 'example.co.uk'],
    ['me.github.io', 'me.github.io'],
    ['192.0.2.7', '192.0.2.7'],
  ])('the limits of a CA count %s for %s', (name, domain) => expect(registeredDomain(name)).toBe(domain));

  it.each([
    ['a.example.com', 'a.example.com', true],
    ['*.example.com', 'a.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'a.b.example.com', false],
    ['b.example.com', 'a.example.com', false],
    ['*.0.2.7', '192.0.2.7', false],
  ])('%s covers %s: %s', (name, host, expected) => expect(covers(name, host)).toBe(expected));
});
