import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it } from '@jest/globals';
import { untraced } from './untraced.js';

const API = Symbol.for('opentelemetry.js.api.1');
const SUPPRESS_TRACING = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
const registry = globalThis as Record<symbol, unknown>;

/** As the one of the SDK. */
function contextManager() {
  const storage = new AsyncLocalStorage<ReadonlyMap<symbol, unknown>>();
  const contextOf = (values: ReadonlyMap<symbol, unknown>) => ({
    values,
    setValue: (key: symbol, value: unknown) => contextOf(new Map([...values, [key, value]])),
  });
  return {
    active: () => contextOf(storage.getStore() ?? new Map()),
    with: <T>(context: { values: ReadonlyMap<symbol, unknown> }, call: () => T): T =>
      storage.run(context.values, call),
  };
}

describe('untraced', () => {
  afterEach(() => void delete registry[API]);

  it('calls as ever where there is no SDK', async () => {
    expect(untraced(() => 1)).toBe(1);
    registry[API] = { version: '1.10.0' };
    await expect(untraced(() => Promise.resolve(2))).resolves.toBe(2);
    expect(() => untraced(() => { throw new Error('as it is'); })).toThrow('as it is'); // prettier-ignore
  });

  it('suppresses tracing for the call and what it awaits, and nothing else', async () => {
    const context = contextManager();
    registry[API] = { version: '1.10.0', context };
    const suppressed = () => context.active().values.get(SUPPRESS_TRACING);
    await untraced(async () => {
      expect(suppressed()).toBe(true);
      await undefined;
      expect(suppressed()).toBe(true);
    });
    expect(suppressed()).toBe(undefined);
  });
});
