import { setMaxListeners } from 'node:events';
import { sleep } from '../../core/timing/timer.js';

/** Waiting for what other processes do: nothing tells us, so we look, and stop looking when asked to. */

/** Milliseconds until the second look; each wait is twice the one before, up to the last. */
const FIRST_WAIT = 2;
const LAST_WAIT = 50;

/** Whether the condition came true within this many milliseconds. Rejects with the signal's reason when it aborts. */
export async function pollUntil(
  condition: () => boolean | Promise<boolean>,
  timeout: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const deadline = performance.now() + timeout;
  for (let wait = FIRST_WAIT; ; wait = Math.min(wait * 2, LAST_WAIT)) {
    signal?.throwIfAborted();
    if (await condition()) return true;
    const left = deadline - performance.now();
    if (left <= 0) return false;
    await pause(Math.min(wait, left), signal);
  }
}

/** Resolves after that many milliseconds; rejects with the signal's reason when it aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return orAborted(sleep(ms), signal);
}

/** What the promise settles to; a rejection with the signal's reason when it aborts before. */
export async function orAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  setMaxListeners(0, signal); // a run may make hundreds of calls at once with its one signal: that is no leak
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
  });
  if (signal.aborted) abort();
  try {
    // First, so that what has aborted already wins over what is settled already.
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
