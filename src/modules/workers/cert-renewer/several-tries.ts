import { type Clock } from '../../../core/timing/clock.js';

export interface SeveralTriesOptions {
  /** Milliseconds between two tries: one try more than there are pauses. */
  pauses: readonly number[];
  clock: Clock;
  /** No pause goes on, and no try begins, once it has aborted. */
  signal: AbortSignal;
}

/** Calls `fn` until it resolves. @throws what the last try did */
export async function severalTries<T>(fn: () => Promise<T>, options: SeveralTriesOptions): Promise<T> {
  const { pauses, clock, signal } = options;
  for (const pause of pauses) {
    try {
      return await fn();
    } catch (error) {
      if (signal.aborted) throw error;
      await new Promise<void>((done) => {
        const timer = clock.setTimer(end, pause);
        signal.addEventListener('abort', end, { once: true });
        function end(): void {
          timer.cancel();
          signal.removeEventListener('abort', end);
          done();
        }
      });
      if (signal.aborted) throw error;
    }
  }
  return fn();
}
