import { jest, test } from '@jest/globals';

export const it = (name: string, body: () => void | Promise<void>): void => test(name, body);
export const fakeTimers = (now: number): void =>
  void jest.useFakeTimers({ now, doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
export const advance = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
export const realTimers = (): void => void jest.useRealTimers();
