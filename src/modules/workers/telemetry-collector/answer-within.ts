import { type Clock, SystemClock, type Timer } from '../../../core/timing/clock.js';

/**
 * Asks, and gives up when there is no answer in time: also on one that does not listen to its signal.
 * @param milliseconds what it gets
 * @param name who is asked, for the error
 */
export async function answerWithin<T>(
  milliseconds: number,
  name: string,
  ask: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  clock: Clock = new SystemClock(),
): Promise<T> {
  const late = new AbortController();
  let timer: Timer | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = clock.setTimer(() => {
      const error = new Error(`${name} did not answer within ${milliseconds} ms`);
      late.abort(error);
      reject(error);
    }, milliseconds);
  });
  try {
    return await Promise.race([ask(AbortSignal.any([signal, late.signal])), expired]);
  } finally {
    timer?.cancel();
  }
}
