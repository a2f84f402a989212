import { describe, expect, it } from '@jest/globals';
import { errorReasons } from './error-reasons.js';

const said = (error: unknown) => [...errorReasons(error)].map(({ code, message }) => `${code} ${message}`);

describe('the reasons of an error', () => {
  it('are its own, that of the driver, its cause, and each attempt of several', () => {
    const attempts = new AggregateError([new Error('::1'), new Error('127.0.0.1')], '');
    const error = Object.assign(new Error('query failed', { cause: attempts }), {
      driverError: Object.assign(new Error('terminated'), { code: '57P01' }),
    });
    expect(said(error)).toEqual([' query failed', '57P01 terminated', ' ', ' ::1', ' 127.0.0.1']);
  });

  it('end where an error is its own cause', () => {
    const error = new Error('again');
    error.cause = error;
    expect(said(error)).toHaveLength(5);
  });

  it('are none of what is no error', () => {
    expect([undefined, null, 'lost', 5].flatMap(said)).toEqual([]);
  });
});
