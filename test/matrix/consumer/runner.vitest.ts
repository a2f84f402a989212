import { test, vi } from 'vitest';

export const it = (name: string, body: () => void | Promise<void>): void => test(name, body);
export const fakeTimers = (now: number): void => void vi.useFakeTimers({ now });
export const advance = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
export const realTimers = (): void => void vi.useRealTimers();
