import { describe, expect, it } from '@jest/globals';
import { inTurns } from './in-turns.js';

describe('inTurns', () => {
  const numbers = Array.from({ length: 25 }, (_, n) => n);

  /** Longer than a turn. */
  function work(): void {
    const end = performance.now() + 2;
    while (performance.now() < end);
  }

  it('does something with each, in order, and lets others have the event loop between', async () => {
    const done: (number | string)[] = [];
    setImmediate(() => done.push('another'));
    await inTurns(numbers, (n) => {
      work();
      done.push(n);
    });
    expect(done.filter((one) => one !== 'another')).toEqual(numbers);
    expect(done.indexOf('another')).toBe(1);
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
    await inTurns([], (n) => done.push(n));
    expect(done).toHaveLength(20);
  });
});
