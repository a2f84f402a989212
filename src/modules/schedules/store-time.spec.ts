import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../core/testing/manual-clock.js';
import { StoreTime } from './store-time.js';

/** By how much the clock of the store is ahead. */
const AHEAD = 3_600_000;

describe('StoreTime', () => {
  const start = () => {
    const clock = new ManualClock();
    let ahead = AHEAD;
    let takes = [0, 0];
    /** It reads its clock after the first part of the time, and answers after the second. */
    const store = {
      shared: true,
      now: async () => {
        await clock.advance(takes[0]!);
        const now = new Date(clock.now() + ahead);
        await clock.advance(takes[1]!);
        return now;
      },
    };
    const time = new StoreTime(clock, store);
    const ask = async (...of: [number, number]): Promise<number> => {
      takes = of;
      await time.ask();
      return time.now() - clock.now() - ahead;
    };
    return { clock, time, ask, step: (ms: number) => (ahead += ms) };
  };

  it('is never ahead of the store, and behind by what the answer took at the most', async () => {
    const { ask } = start();
    expect(await ask(300, 200)).toBe(-200);
    expect(await ask(500, 0)).toBe(0);
  });

  it('keeps the best answer, also when later ones take long', async () => {
    const { ask, clock, time } = start();
    expect(await ask(2, 1)).toBe(-1);
    expect(await ask(100, 900)).toBe(-1);
    await clock.advance(30_000);
    expect(time.now() - clock.now()).toBe(AHEAD - 1);
  });

  it.each([-7_200_000, -1_000, 1_000, 7_200_000])(
    'follows the clock of the store that was set by %d ms',
    async (by) => {
      const { ask, step } = start();
      await ask(1, 1);
      step(by);
      expect(await ask(10, 20)).toBe(-20);
      expect(await ask(1, 0)).toBe(0);
    },
  );

  it('goes by the clock of the process until it has heard', () => {
    const { clock, time } = start();
    expect(time.now()).toBe(clock.now());
  });
});
