import { describe, expect, it } from '@jest/globals';
import { type RunProgress } from '../worker/run-context.js';
import { progressOf } from './run-progress.js';

describe('progressOf', () => {
  it('is what was said', () => {
    expect(progressOf(1, 2, 'half')).toEqual({ done: 1, total: 2, message: 'half' });
    expect(progressOf(1, undefined, undefined)).toEqual({ done: 1 });
  });

  it.each<[string, unknown[], RunProgress]>([
    ['half an emoji', [1, 2, '💥'.slice(0, 1)], { done: 1, total: 2, message: '\ufffd' }],
    ['a NUL', [1, 2, 'a\0b'], { done: 1, total: 2, message: 'ab' }],
    ['a BigInt', [1n, 2n, 3n], { done: 1, total: 2, message: '3' }],
    ['no numbers', [NaN, Infinity, null], { done: 0, message: 'null' }],
    ['something else', ['1', {}, { toString: null }], { done: 0, message: '{"toString":null}' }],
  ])('can be stored when it is %s', (_what, [done, total, message], progress) => {
    expect(progressOf(done, total, message)).toEqual(progress);
  });

  it('is cut at 2,000 characters, not in mid-emoji', () => {
    expect(progressOf(1, 2, `${'x'.repeat(1_999)}💥`).message).toBe('x'.repeat(1_999));
  });
});
