import { describe, expect, it } from '@jest/globals';
import { describeError, latenessOf } from './run.js';

describe('describeError', () => {
  it('keeps class, message and stack of an error', () => {
    const error = describeError(new RangeError('too far'));
    expect(error).toMatchObject({ name: 'RangeError', message: 'too far' });
    expect(error.stack).toContain('run.spec');
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  it.each([
    ['just a string', 'just a string'],
    [undefined, 'undefined'],
    [null, 'null'],
    [42, '42'],
    [{ code: 7 }, '{"code":7}'],
    [cycle, '[object Object]'],
    [Object.create(null), '{}'],
    [Symbol('s'), 'Symbol(s)'],
    [new Error(''), 'Error'],
  ])('makes a message of %p, whatever was thrown', (thrown, message) => {
    expect(describeError(thrown).message).toBe(message);
  });

  it('cuts what is too long and drops what no database takes', () => {
    const error = new Error(`a\0b\ud800${'x'.repeat(100_000)}`);
    error.stack = 'y'.repeat(100_000);
    const described = describeError(error);
    expect(described.message).toMatch(/^ab\ufffdx+$/);
    expect(described.message.length).toBeLessThanOrEqual(2_000);
    expect(described.stack!.length).toBe(8_000);
  });
});

describe('latenessOf', () => {
  it('is how long after it was due a run began', () => {
    const slot = Date.UTC(2026, 0, 1);
    expect(latenessOf({ scheduledAt: new Date(slot), startedAt: new Date(slot + 250) })).toBe(250);
  });
});
