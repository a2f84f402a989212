import { setTimeout as wait } from 'node:timers/promises';

/** Milliseconds between two looks: soon at first, then rarer, as a look may cost a query or a request. */
const FIRST_PAUSE = 10;
const LONGEST_PAUSE = 100;

/**
 * Waits until the condition holds: for what happens in other processes, of which no signal comes.
 * @param timeout milliseconds, default 30 s
 * @returns what the condition gave when it held
 * @throws Error that shows the condition's source when it never does
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  timeout = 30_000,
): Promise<Exclude<T, false | undefined | null>> {
  const deadline = performance.now() + timeout;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
    const held = await condition();
    if (held) return held as Exclude<T, false | undefined | null>;
    if (performance.now() > deadline) throw new Error(`Not within ${timeout} ms: ${condition.toString()}`);
    await wait(pause);
  }
}
