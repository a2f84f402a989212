import { describe, expect, it } from '@jest/globals';
import { simulate } from './simulation.js';

const FIRST = 50_000;
const SEEDS = 120;
const AT_A_TIME = 30;

describe('the simulation of a cluster', () => {
  const starts = Array.from({ length: SEEDS / AT_A_TIME }, (_, i) => FIRST + i * AT_A_TIME);

  it.each(starts)(
    `breaks no promise in ${AT_A_TIME} worlds from seed %d on`,
    async (from) => {
      for (let seed = from; seed < from + AT_A_TIME; seed++) {
        const { violation, grants } = await simulate(seed);
        expect({ seed, violation }).toEqual({ seed, violation: undefined });
        expect(grants).toBeGreaterThan(0);
      }
    },
    120_000,
  );

  it('is the same world each time for the same seed', async () => {
    const [once, again] = [await simulate(FIRST, { trace: true }), await simulate(FIRST, { trace: true })];
    // Messages of errors name runs by their ids, which are random.
    const told = ({ trace }: typeof once) =>
      trace.map((line) => line.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id'));
    expect(told(again)).toEqual(told(once));
    expect(once.trace.length).toBeGreaterThan(10);
  }, 60_000);
});
