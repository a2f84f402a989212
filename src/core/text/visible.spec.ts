import { describe, expect, it } from '@jest/globals';
import { quoted, visible } from './visible.js';

describe('a text that is shown', () => {
  it.each([
    ['turns what follows', 'ab\u202ecd\u2066', 'ab\\u202ecd\\u2066'],
    ['has no width', 'a\u200bb\u2060c\ufeffd\u00ade', 'a\\u200bb\\u2060c\\ufeffd\\u00ade'],
    ['controls a terminal', '\u001b[2J\u009b1m\r\n', '\\u001b[2J\\u009b1m\\u000d\\u000a'],
    ['ends a line elsewhere than in ASCII', 'a\u2028b\u2029c\u0085', 'a\\u2028b\\u2029c\\u0085'],
    ['looks like nothing', 'a\u3164b\u115f', 'a\\u3164b\\u115f'],
    ['is beyond 16 bits', 'a\u{e0041}b', 'a\\udb40\\udc41b'],
    ['is half a pair', 'a\ud800', 'a\\ud800'],
  ])('has no character left that %s', (_, text, expected) => {
    expect(visible(text)).toBe(expected);
  });

  it('keeps the rest: other scripts, combined letters, pictures', () => {
    for (const text of ['Grüße', 'Привет', 'שלום', '東京', 'e\u0301', '🚀']) expect(visible(text)).toBe(text);
  });

  it('is in quotes, on one line, and cut', () => {
    expect(quoted('a"b', 64)).toBe('"a\\"b"');
    expect(quoted('x'.repeat(100), 10)).toBe('"xxxxxxxx…');
    expect(quoted(`${'x'.repeat(7)}🚀🚀`, 10)).toBe('"xxxxxxx\\ud83d…');
    expect(quoted(NaN, 10)).toBe('NaN');
    expect(quoted(undefined, 10)).toBe('undefined');
  });

  it('is shown also of what has no JSON', () => {
    const cycle: Record<string, unknown> = {};
    cycle.cycle = cycle;
    for (const value of [
      1n,
      cycle,
      Object.create(null),
      Symbol('x'),
      {
        toJSON: () => {
          throw new Error();
        },
      },
    ]) {
      expect(typeof quoted(value, 20)).toBe('string');
    }
    expect(quoted(7n, 10)).toBe('7');
  });
});
