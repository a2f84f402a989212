import { describe, expect, it } from '@jest/globals';
import { settleEach } from './settle-each.js';

describe('settleEach', () => {
  it('gives everybody a turn and tells what went wrong, in order', async () => {
    const seen: number[] = [];
    const errors = await settleEach([1, 2, 3, 4], async (n) => {
      seen.push(n);
      if (n % 2) throw new Error(`odd: ${n}`);
    });
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(errors).toEqual([new Error('odd: 1'), new Error('odd: 3')]);
  });

  it('does eight at a time', async () => {
    let active = 0;
    let most = 0;
    await settleEach(Array.from({ length: 30 }), async () => {
      most = Math.max(most, ++active);
      await new Promise((resolve) => setImmediate(resolve));
      active--;
    });
    expect(most).toBe(8);
  });

  it('starts nothing more once the signal aborts, waits for what is under way, and rejects with the reason', async () => {
    const abort = new AbortController();
    let started = 0;
    let ended = 0;
    const settled = settleEach(
      Array.from({ length: 30 }),
      async () => {
        if (++started === 3) abort.abort(new Error('enough'));
        await new Promise((resolve) => setImmediate(resolve));
        ended++;
      },
      abort.signal,
    );
    await expect(settled).rejects.toThrow('enough');
    expect(started).toBeLessThanOrEqual(8);
    expect(ended).toBe(started);
  });
});
