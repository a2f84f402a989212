import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ProbeTime } from './probe-time.js';

describe('ProbeTime', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('ends by itself, and says after how long', () => {
    const time = new ProbeTime(1_000);
    const ended = jest.fn();
    time.addEventListener('abort', ended);
    jest.advanceTimersByTime(999);
    expect([time.aborted, ended.mock.calls.length]).toEqual([false, 0]);
    jest.advanceTimersByTime(1);
    expect([time.aborted, ended.mock.calls.length]).toEqual([true, 1]);
    expect(() => time.throwIfAborted()).toThrow('timed out after 1000 ms');
  });

  it('ends once: the first reason counts', () => {
    const time = new ProbeTime(1_000);
    const ended = jest.fn();
    time.addEventListener('abort', ended);
    time.end(new Error('first'));
    time.end(new Error('second'));
    jest.advanceTimersByTime(2_000);
    expect(ended).toHaveBeenCalledTimes(1);
    expect(time.reason?.message).toBe('first');
  });

  it('tells nobody that has stopped listening', () => {
    const time = new ProbeTime(1_000);
    const [gone, stays] = [jest.fn(), jest.fn()];
    time.addEventListener('abort', gone);
    time.addEventListener('abort', stays);
    time.removeEventListener('abort', gone);
    time.end(new Error('over'));
    expect([gone.mock.calls.length, stays.mock.calls.length]).toEqual([0, 1]);
  });

  it('does not end once the probe is over', () => {
    const time = new ProbeTime(1_000);
    time.close();
    jest.advanceTimersByTime(5_000);
    expect(time.aborted).toBe(false);
  });

  it.each(['before', 'after'])('is an AbortSignal for who asks %s the end', (when) => {
    const time = new ProbeTime(1_000);
    const early = when === 'before' ? time.abortSignal : undefined;
    const reason = new Error('over');
    time.end(reason);
    expect(early ?? time.abortSignal).toMatchObject({ aborted: true, reason });
    expect(time.abortSignal).toBe(time.abortSignal);
  });
});
