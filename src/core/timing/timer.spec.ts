import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { sleep, startTicking, startTimer, timeoutSignal } from './timer.js';

const DAY = 86_400_000;

describe('A timer', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it.each([0, 5, 30 * DAY, 2 ** 31, 100 * DAY])('calls back once, after %d ms', (delay) => {
    let called = 0;
    startTimer(() => called++, delay);
    if (delay > 0) jest.advanceTimersByTime(delay - 1);
    expect(called).toBe(0);
    jest.advanceTimersByTime(1);
    expect(called).toBe(1);
    jest.advanceTimersByTime(100 * DAY);
    expect(called).toBe(1);
  });

  it('can be cancelled at any time', () => {
    let called = 0;
    const timer = startTimer(() => called++, 100 * DAY);
    jest.advanceTimersByTime(90 * DAY);
    timer.cancel();
    jest.advanceTimersByTime(100 * DAY);
    timer.cancel();
    expect(called).toBe(0);
  });

  it('ticks until it is cancelled, and never faster than it was told to', () => {
    let called = 0;
    const ticks = startTicking(() => called++, 1_000);
    jest.advanceTimersByTime(3_500);
    ticks.cancel();
    jest.advanceTimersByTime(3_500);
    expect(called).toBe(3);
    const rare = startTicking(() => called++, 100 * DAY);
    jest.advanceTimersByTime(20 * DAY);
    expect(called).toBe(3);
    rare.cancel();
  });

  it('sleeps for 30 days', async () => {
    let over = false;
    void sleep(30 * DAY).then(() => (over = true));
    await jest.advanceTimersByTimeAsync(30 * DAY - 1);
    expect(over).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(over).toBe(true);
  });

  it('rejects a sleep with the reason of its signal, and leaves no timer and no listener', async () => {
    const controller = new AbortController();
    const removed = jest.spyOn(controller.signal, 'removeEventListener');
    const done = sleep(5, controller.signal);
    await jest.advanceTimersByTimeAsync(5);
    await done;
    expect(removed).toHaveBeenCalledTimes(1);
    const asleep = sleep(30 * DAY, controller.signal);
    controller.abort(new Error('enough'));
    await expect(asleep).rejects.toThrow('enough');
    await expect(sleep(1, controller.signal)).rejects.toThrow('enough');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('gives a signal that is not aborted at once where its timeout is longer than timers take', async () => {
    jest.useRealTimers();
    const controls = [30 * DAY, 365 * DAY].map((delay) => timeoutSignal(delay));
    const soon = timeoutSignal(2);
    await new Promise((resolve) => soon.addEventListener('abort', resolve, { once: true }));
    // One of 1 ms is over by now.
    expect(controls.map(({ aborted }) => aborted)).toEqual([false, false]);
  });
});
