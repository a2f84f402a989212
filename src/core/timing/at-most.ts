import { type Clock } from './clock.js';

/** Waits for the work, for at most `ms` milliseconds. Rejects when the work rejects by then. */
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
