import { describe, expect, it } from '@jest/globals';
import { inTurns } from './in-turns.js';

/** Keeps the event loop busy for a millisecond. */
function work(): void {
  const began = performance.now();
  while (performance.now() - began < 1);
}

describe('inTurns', () => {
  const numbers = Array.from({ length: 25 }, (_, n) => n);

  it('does something with each, in order, and lets others have the event loop between', async () => {
    const done: (number | string)[] = [];
    setImmediate(() => done.push('another'));
    const spent = await inTurns(numbers, (n) => {
      work();
      done.push(n);
    });
    expect(done.filter((one) => one !== 'another')).toEqual(numbers);
    expect(done.indexOf('another')).toBe(1);
    expect(spent).toBeGreaterThanOrEqual(25);
  });

  it('ends when it is not to go on', async () => {
    const done: number[] = [];
    await inTurns(
      numbers,
      (n) => {
        work();
        done.push(n);
      },
      () => done.length < 20,
    );
    expect(done).toHaveLength(20);
    expect(await inTurns([], (n) => done.push(n))).toBe(0);
    expect(done).toHaveLength(20);
  });
});
