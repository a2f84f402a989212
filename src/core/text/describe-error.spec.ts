import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { describeError, messageOf, stackOf } from './describe-error.js';

const throwing = (key: string): PropertyDescriptorMap => ({
  [key]: {
    get() {
      throw new Error('a getter');
    },
  },
});
const revoked = (target: object): object => {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
};

describe('describeError', () => {
  it('keeps class, message and stack of an error', () => {
    const error = describeError(new RangeError('too far'));
    expect(error).toMatchObject({ name: 'RangeError', message: 'too far' });
    expect(error.stack).toContain('describe-error.spec');
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  it.each([
    ['just a string', 'just a string'],
    [undefined, 'undefined'],
    [null, 'null'],
    [42, '42'],
    [10n, '10'],
    [{ code: 7 }, '{"code":7}'],
    [cycle, '[object Object]'],
    [{ big: 1n }, '[object Object]'],
    [Object.create(null), '{}'],
    [Symbol('s'), 'Symbol(s)'],
    [new Error(''), 'Error'],
    [Object.assign(new Error(''), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  ])('makes a message of %p, whatever was thrown', (thrown, message) => {
    expect(describeError(thrown).message).toBe(message);
  });

  it.each<[string, unknown, string]>([
    ['a list as its message', Object.assign(new Error(), { message: ['a must be', 'b must be'] }), 'a must be, b must be'],
    ['a number as its message', Object.assign(new Error(), { message: 7 }), '7'],
    ['an object as its message', Object.assign(new Error(), { message: { code: 1 } }), '{"code":1}'],
    ['no name', Object.assign(new Error('x'), { name: undefined }), 'x'],
    ['a symbol as its name', Object.assign(new Error('x'), { name: Symbol('n') }), 'x'],
    ['a stack that is a list', Object.assign(new Error('x'), { stack: [{}, {}] }), 'x'],
    ['a message that throws', Object.defineProperties(new TypeError('x'), throwing('message')), 'TypeError'],
    ['a name that throws', Object.defineProperties(new Error('x'), throwing('name')), 'x'],
    ['a stack that throws', Object.defineProperties(new Error('x'), throwing('stack')), 'x'],
    ['a cause that throws', Object.defineProperties(new Error('x'), throwing('cause')), 'x'],
    ['errors that are a revoked list', Object.assign(new Error('x'), { errors: revoked([]) }), 'x'],
  ])('describes an error with %s', (_what, thrown, message) => {
    expect(describeError(thrown)).toMatchObject({ message, name: expect.any(String) });
  }); // prettier-ignore

  it('describes what cannot be looked at', () => {
    for (const target of [{}, new Error('x'), () => {}, []])
      expect(describeError(revoked(target))).toEqual({ message: 'a value that cannot be shown' });
  });

  it('takes an error of another realm for an error', () => {
    const foreign: unknown = runInContext('new RangeError("of elsewhere")', createContext());
    expect(describeError(foreign)).toMatchObject({ name: 'RangeError', message: 'of elsewhere' });
    expect(describeError(new DOMException('gone', 'AbortError'))).toMatchObject({ name: 'AbortError', message: 'gone' });
  }); // prettier-ignore

  it('cuts what is too long and drops what no database takes', () => {
    const error = new Error(`a\0b\ud800${'x'.repeat(100_000)}`);
    error.stack = 'y'.repeat(100_000);
    const described = describeError(error);
    expect(described.message).toMatch(/^ab\ufffdx+$/);
    expect(described.message.length).toBeLessThanOrEqual(2_000);
    expect(described.stack!.length).toBe(8_000);
  });

  it('does not cut in mid-emoji', () => {
    expect(describeError(new Error(`${'x'.repeat(1_999)}💥`)).message).toBe('x'.repeat(1_999));
  });

  it('keeps the causes of an error, and the errors that one gathers', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
    const gathered = Object.assign(new AggregateError([refused, 'and a string'], ''), {
      code: 'ECONNREFUSED',
    });
    const error = describeError(new TypeError('fetch failed', { cause: gathered }));
    expect(error).toMatchObject({
      message: 'fetch failed',
      cause: {
        name: 'AggregateError',
        message: 'ECONNREFUSED',
        errors: [{ message: 'connect ECONNREFUSED 127.0.0.1:9' }, { message: 'and a string' }],
      },
    });
    expect(stackOf(error)).toMatch(/fetch failed[^]*Caused by: AggregateError[^]*Caused by: Error: connect/);
  });

  it('is bounded in depth, in number and in length', () => {
    let chain = new Error('the first', { cause: 'x'.repeat(100_000) });
    for (let i = 0; i < 1_000; i++) chain = new Error('y'.repeat(10_000), { cause: chain });
    expect(JSON.stringify(describeError(chain)).length).toBeLessThan(50_000);

    const wide = (depth: number): Error =>
      new AggregateError(depth === 0 ? [] : Array.from({ length: 50 }, () => wide(depth - 1)), 'many');
    const described = JSON.stringify(describeError(wide(2)));
    expect(described.length).toBeLessThan(100_000);
    expect(described).toContain('40 more');

    const self = new Error('its own cause');
    self.cause = new Error('between', { cause: self });
    expect(messageOf(self)).toBe('its own cause: between');
  });
});

describe('messageOf', () => {
  it('is one line with the reasons, each once', () => {
    const reason = new Error('connect ECONNREFUSED 127.0.0.1:9');
    expect(messageOf(new TypeError('fetch failed', { cause: reason }))).toBe(
      'fetch failed: connect ECONNREFUSED 127.0.0.1:9',
    );
    expect(messageOf(new Error(`store: ${reason.message}`, { cause: reason }))).toBe(
      `store: ${reason.message}`,
    );
    expect(
      messageOf(new AggregateError([new Error('out'), new Error('away'), new Error('out')], 'both')),
    ).toBe('both: out; away');
  });
});
