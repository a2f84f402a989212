import { type Clock } from './clock.js';

/** Waits for the work, or for this many milliseconds, whichever is over first. Rejects only as the work does by then. */
export async function atMost(ms: number, work: Promise<unknown>, clock: Clock): Promise<void> {
  let expire = (): void => {};
  const expired = new Promise<void>((resolve) => (expire = resolve));
  const timer = clock.setTimer(expire, ms);
  try {
    await Promise.race([work, expired]);
  } finally {
    timer.cancel();
  }
}
