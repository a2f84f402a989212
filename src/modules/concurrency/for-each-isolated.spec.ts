import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../core/testing/manual-clock.js';
import { forEachIsolated, ItemTimeoutError } from './for-each-isolated.js';
import { ItemBackoff } from './item-backoff.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('forEachIsolated', () => {
  it('gives everybody a turn and tells what went wrong, in the order of the items', async () => {
    const seen: number[] = [];
    const summary = await forEachIsolated([1, 2, 3, 4], { key: (n) => `n${n}` }, async (n) => {
      seen.push(n);
      if (n === 1) await turn();
      if (n % 2) throw new Error(`odd: ${n}`);
    });
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(summary).toEqual({
      succeeded: 2,
      failures: [
        { item: 1, key: 'n1', error: new Error('odd: 1') },
        { item: 3, key: 'n3', error: new Error('odd: 3') },
      ],
      waiting: [],
    });
  });

  it('takes what throws at once for a failure of its item as well', async () => {
    const { succeeded, failures } = await forEachIsolated([1, 2], {}, (n) => {
      if (n === 1) throw new Error('at once');
      return Promise.resolve();
    });
    expect({ succeeded, failed: failures.map(({ key }) => key) }).toEqual({ succeeded: 1, failed: ['0'] });
  });

  it.each([
    [undefined, 8],
    [3, 3],
  ])('with a concurrency of %s does %i at a time', async (concurrency, expected) => {
    let active = 0;
    let most = 0;
    await forEachIsolated(Array.from({ length: 30 }), { concurrency }, async () => {
      most = Math.max(most, ++active);
      await turn();
      active--;
    });
    expect(most).toBe(expected);
  });

  it('reads a source no further than it has hands', async () => {
    let read = 0;
    async function* source() {
      while (read < 20) yield ++read;
    }
    let ahead = 0;
    let done = 0;
    const { succeeded } = await forEachIsolated(source(), { concurrency: 2 }, async () => {
      await turn();
      ahead = Math.max(ahead, read - ++done);
    });
    expect(succeeded).toBe(20);
    expect(ahead).toBeLessThanOrEqual(2);
  });

  it('ends with the error of a source that cannot go on, after what was under way', async () => {
    let ended = 0;
    async function* source() {
      yield 1;
      yield 2;
      throw new Error('page 2 is away');
    }
    const all = forEachIsolated(source(), {}, async () => {
      await turn();
      ended++;
    });
    await expect(all).rejects.toThrow('page 2 is away');
    expect(ended).toBe(2);
  });

  describe('when its signal aborts', () => {
    it('starts nothing more, waits for what is under way, and rejects with the reason', async () => {
      const abort = new AbortController();
      let [started, ended, closed] = [0, 0, false];
      function* source() {
        try {
          for (let n = 0; n < 30; n++) yield n;
        } finally {
          closed = true;
        }
      }
      const all = forEachIsolated(source(), { signal: abort.signal }, async () => {
        if (++started === 3) abort.abort(new Error('enough'));
        await turn();
        ended++;
      });
      await expect(all).rejects.toThrow('enough');
      expect(started).toBeLessThanOrEqual(8);
      expect([ended, closed]).toEqual([started, true]);
    });

    it('aborts the signal of each item, which is no failure of that item', async () => {
      const abort = new AbortController();
      const backoff = new ItemBackoff();
      const all = forEachIsolated(['a'], { signal: abort.signal, key: (k) => k, backoff }, (_, signal) => {
        const aborted = new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        );
        abort.abort(new Error('shutdown'));
        return aborted;
      });
      await expect(all).rejects.toThrow('shutdown');
      expect(backoff.failures('a')).toBe(0);
    });

    it('does nothing if it has aborted already', async () => {
      let started = 0;
      const signal = AbortSignal.abort(new Error('too late'));
      await expect(forEachIsolated([1], { signal }, async () => started++)).rejects.toThrow('too late');
      expect(started).toBe(0);
    });
  });

  it('aborts an item that takes too long, and goes on with the others even if it does not listen', async () => {
    const clock = new ManualClock();
    let told: unknown;
    const all = forEachIsolated(
      ['hangs', 'works'],
      { concurrency: 1, timeout: '5s', clock, key: (k) => k },
      (name, signal) => {
        if (name === 'works') return Promise.resolve();
        signal.addEventListener('abort', () => (told = signal.reason));
        return new Promise(() => undefined);
      },
    );
    await turn();
    await clock.advance(5_000);
    const { succeeded, failures } = await all;
    expect(succeeded).toBe(1);
    expect(failures).toEqual([{ item: 'hangs', key: 'hangs', error: new ItemTimeoutError('hangs', 5_000) }]);
    expect(told).toBe(failures[0]!.error);
  });

  it('leaves what failed alone until its wait is over, longer each time, and forgets a failure after a success', async () => {
    const clock = new ManualClock();
    const backoff = new ItemBackoff({ initial: '1s', max: '3s', jitter: 0, clock });
    let broken = true;
    const pass = async () => {
      const { succeeded, failures, waiting } = await forEachIsolated(
        ['good', 'bad'],
        { key: (k) => k, backoff },
        async (k) => {
          if (k === 'bad' && broken) throw new Error('broken');
        },
      );
      return [succeeded, failures.length, waiting.length];
    };
    expect(await pass()).toEqual([1, 1, 0]);
    expect(await pass()).toEqual([1, 0, 1]);
    await clock.advance(1_000);
    expect(await pass()).toEqual([1, 1, 0]);
    await clock.advance(1_999);
    expect(await pass()).toEqual([1, 0, 1]);
    await clock.advance(1);
    expect(await pass()).toEqual([1, 1, 0]);
    expect(backoff.remaining('bad')).toBe(3_000);
    await clock.advance(3_000);
    broken = false;
    expect(await pass()).toEqual([2, 0, 0]);
    expect(backoff.failures('bad')).toBe(0);
  });

  it('remembers a bounded number of failures, the latest', () => {
    const backoff = new ItemBackoff({ limit: 2 });
    for (const key of ['a', 'b', 'a', 'c']) backoff.failed(key);
    expect(['a', 'b', 'c'].map((key) => backoff.failures(key))).toEqual([2, 0, 1]);
  });

  it.each([
    [{ concurrency: 0 }, 'concurrency: 0'],
    [{ backoff: new ItemBackoff() }, 'key: a backoff'],
    [{ timeout: 'never' as '1s' }, "'never' is not a duration"],
  ])('refuses %j', async (options, message) => {
    await expect(forEachIsolated([], options, async () => undefined)).rejects.toThrow(message);
  });
});
