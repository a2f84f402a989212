import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../core/testing/manual-clock.js';
import { spread } from './spread.js';

describe('spread', () => {
  const signal = new AbortController().signal;

  async function seen(items: AsyncGenerator<string>, into: string[]): Promise<void> {
    for await (const item of items) into.push(item);
  }

  it('hands out the first at once and the others evenly over the time', async () => {
    const clock = new ManualClock();
    const given: string[] = [];
    const all = seen(spread(['a', 'b', 'c', 'd'], 1_000, { signal, clock }), given);
    await clock.advance(0);
    expect(given).toEqual(['a']);
    await clock.advance(249);
    expect(given).toEqual(['a']);
    await clock.advance(1);
    expect(given).toEqual(['a', 'b']);
    await clock.advance(500);
    expect(given).toEqual(['a', 'b', 'c', 'd']);
    await all;
  });

  it('catches up with items that whoever takes them was too slow for', async () => {
    const clock = new ManualClock();
    const items = spread(['a', 'b', 'c', 'd'], 1_000, { signal, clock });
    await items.next();
    await clock.advance(600);
    expect((await items.next()).value).toBe('b');
    expect((await items.next()).value).toBe('c');
    let last = false;
    void items.next().then(() => (last = true));
    await clock.advance(149);
    expect(last).toBe(false);
    await clock.advance(1);
    expect(last).toBe(true);
  });

  it('hands out the rest at once in a hurry, and nothing more after its end', async () => {
    const clock = new ManualClock();
    const hurry = new AbortController();
    const ended = new AbortController();
    const given: string[] = [];
    const all = seen(spread(['a', 'b', 'c'], 1_000, { signal, hurry: hurry.signal, clock }), given);
    await clock.advance(10);
    hurry.abort();
    await all;
    expect(given).toEqual(['a', 'b', 'c']);

    const items = spread(['a', 'b'], 1_000, { signal: ended.signal, clock });
    await items.next();
    const next = items.next();
    ended.abort(new Error('stopped'));
    await expect(next).rejects.toThrow('stopped');
  });
});
