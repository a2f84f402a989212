import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SystemClock } from './clock.js';

const DAY = 86_400_000;

describe('SystemClock', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it.each([30 * DAY, 2 ** 31, 100 * DAY])('waits for %d ms, which no timer of Node can', (delay) => {
    let rung = 0;
    new SystemClock().setTimer(() => rung++, delay);
    jest.advanceTimersByTime(delay - 1);
    expect(rung).toBe(0);
    jest.advanceTimersByTime(1);
    expect(rung).toBe(1);
    jest.advanceTimersByTime(100 * DAY);
    expect(rung).toBe(1);
  });

  it('cancels such a wait at any time', () => {
    let rung = 0;
    const timer = new SystemClock().setTimer(() => rung++, 100 * DAY);
    jest.advanceTimersByTime(90 * DAY);
    timer.cancel();
    jest.advanceTimersByTime(100 * DAY);
    expect(rung).toBe(0);
  });

  it('keeps no process alive with such a wait when told so', () => {
    const setTimeout = jest.spyOn(globalThis, 'setTimeout');
    new SystemClock().setTimer(() => {}, 100 * DAY, true);
    jest.advanceTimersByTime(90 * DAY);
    const timers = setTimeout.mock.results.map(({ value }) => value as NodeJS.Timeout);
    expect(timers.length).toBeGreaterThan(3);
    expect(timers.map((timer) => timer.hasRef())).toEqual(timers.map(() => false));
  });
});
