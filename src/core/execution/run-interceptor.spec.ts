import { describe, expect, it } from '@jest/globals';
import { type RunContext } from '../worker/run-context.js';
import { type RunInterceptor, RunInterceptors } from './run-interceptor.js';

const CONTEXT = { worker: 'w' } as RunContext;

describe('RunInterceptors', () => {
  it('calls the work inside all of them, the first added outermost, and hands out its result', async () => {
    const calls: string[] = [];
    const named = (name: string): RunInterceptor => ({
      intercept: async (context, next) => {
        calls.push(`${name} before ${context.worker}`);
        const result = await next();
        calls.push(`${name} after`);
        return result;
      },
    });
    const interceptors = new RunInterceptors();
    interceptors.add(named('outer'));
    interceptors.add(named('inner'));
    expect(await interceptors.around(CONTEXT, () => calls.push('work'))).toBe(3);
    expect(calls).toEqual(['outer before w', 'inner before w', 'work', 'inner after', 'outer after']);
  });

  it('lets an interceptor see what the work throws, synchronously or not, and fail it by itself', async () => {
    const interceptors = new RunInterceptors();
    const seen: unknown[] = [];
    interceptors.add({
      intercept: (_context, next) =>
        next().catch((error: unknown) => {
          seen.push(error);
          throw new Error('translated');
        }),
    });
    const fail = () => {
      throw new Error('original');
    };
    await expect(interceptors.around(CONTEXT, fail)).rejects.toThrow('translated');
    await expect(interceptors.around(CONTEXT, () => Promise.reject(new Error('later')))).rejects.toThrow(
      'translated',
    );
    expect(seen).toEqual([new Error('original'), new Error('later')]);
  });

  it('is nothing but the work when there are none', () => {
    expect(new RunInterceptors().around(CONTEXT, () => 'result')).toBe('result');
  });
});
