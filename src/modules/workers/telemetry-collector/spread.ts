import { SystemClock, type Clock } from '../../../core/timing/clock.js';

/**
 * Hands out the items one after the other over a length of time, the first at once: so that a thousand endpoints are
 * not asked at the same instant, and each is asked an interval after the last time.
 *
 * @param over milliseconds
 * @param signal ends it; whoever waits for the next item gets the signal's reason
 * @param after milliseconds until the first
 * @param hurry once it has aborted, the rest is handed out at once
 */
export async function* spread<T>(
  items: readonly T[],
  over: number,
  {
    signal,
    after = 0,
    hurry,
    clock = new SystemClock(),
  }: { signal: AbortSignal; after?: number; hurry?: AbortSignal; clock?: Clock },
): AsyncGenerator<T> {
  const start = clock.monotonic() + after;
  for (const [place, item] of items.entries()) {
    signal.throwIfAborted();
    const due = start + (over * place) / items.length - clock.monotonic();
    if (due > 0) await pause(due, hurry ? [signal, hurry] : [signal], clock);
    signal.throwIfAborted();
    yield item;
  }
}

function pause(milliseconds: number, ends: readonly AbortSignal[], clock: Clock): Promise<void> {
  if (ends.some(({ aborted }) => aborted)) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      for (const signal of ends) signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.setTimer(end, milliseconds);
    for (const signal of ends) signal.addEventListener('abort', end);
  });
}
