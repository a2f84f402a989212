import { describe, expect, it } from '@jest/globals';
import { describeError } from '../text/describe-error.js';
import { fromWire, toWire } from './wire-error.js';

/** As it arrives in another thread. */
const sent = (thrown: unknown) => fromWire(structuredClone(toWire(thrown)));

class QuotaError extends Error {
  override readonly name = 'QuotaError';
  readonly code = 'E_QUOTA';
  readonly limit = 5;
  readonly retry = () => undefined;
}

describe('an error that is sent', () => {
  it.each<[string, unknown]>([
    ['with a class of its own', new QuotaError('too much')],
    ['with causes', new Error('outer', { cause: new TypeError('inner', { cause: 'a text' }) })],
    ['that gathers others', new AggregateError([new Error('one'), new RangeError('two')], 'both')],
    ['without a message', new TypeError()],
    ['of another name', Object.assign(new Error('renamed'), { name: 'Renamed' })],
    ['that is none but a text', 'a mere text'],
    ['that is none but undefined', undefined],
    ['that is none but an object', { status: 500 }],
  ])('is recorded as one that was thrown here: %s', (_what, thrown) => {
    expect(describeError(sent(thrown))).toEqual(describeError(thrown));
  });

  it('keeps its own properties that have a JSON, and leaves out the others', () => {
    const arrived = sent(new QuotaError('too much')) as Error;
    expect({ ...arrived }).toEqual({ code: 'E_QUOTA', limit: 5 });
    expect(arrived).toBeInstanceOf(Error);
  });

  it('is sent whatever its properties are: getters that throw, cycles, proxies, a BigInt, a long text', () => {
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const hostile = Object.assign(new Error('hostile'), {
      cyclic,
      big: 1n,
      symbol: Symbol('s'),
      long: 'x'.repeat(100_000),
      fine: [1, { two: 2 }],
    });
    Object.defineProperty(hostile, 'getter', {
      enumerable: true,
      get: () => {
        throw new Error('in a getter');
      },
    });
    expect({ ...(sent(hostile) as object) }).toEqual({ fine: [1, { two: 2 }] });
    const { proxy, revoke } = Proxy.revocable(new Error('revoked'), {});
    revoke();
    expect(() => sent(proxy)).not.toThrow();
  });

  it('has at most twenty properties', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`p${i}`, i]));
    expect(Object.keys(sent(Object.assign(new Error(''), many)) as object)).toHaveLength(20);
  });

  it('cannot replace what every error has', () => {
    const error = Object.assign(new Error('mine'), { own: 1 });
    const wire = toWire(error);
    expect(wire.own).toEqual({ own: 1 });
    expect(sent(error)).toMatchObject({ message: 'mine' });
  });
});
