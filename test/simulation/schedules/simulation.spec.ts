import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { createControlPlaneDatabase } from '../../support/control-plane-database.js';
import { mutants } from './mutants.js';
import { onPostgres } from './postgres-world.js';
import { simulateSchedules } from './simulation.js';

/** In CI; `npm run simulate:schedules -- --seeds 10000` for more. */
const SEEDS = 100;
/** Each takes seconds there. `npm run simulate:schedules -- --postgres --seeds 100` for more. */
const ON_POSTGRES = 5;
/** Within which every mutant has to be found out. */
const FEW = 200;

describe('the simulation of stored schedules', () => {
  beforeAll(() => Logger.overrideLogger(false));
  afterAll(() => Logger.overrideLogger(new Logger()));

  it(`finds every promise kept in ${SEEDS} worlds in which all goes wrong`, async () => {
    let completions = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      const result = await simulateSchedules(seed);
      expect([seed, result.violation?.message]).toEqual([seed, undefined]);
      completions += result.completions;
    }
    expect(completions).toBeGreaterThan(SEEDS);
  }, 300_000);

  it(`finds them kept by a real PostgreSQL in ${ON_POSTGRES} worlds`, async () => {
    const { url, drop } = await createControlPlaneDatabase();
    const { simulate, close } = await onPostgres(url);
    let completions = 0;
    try {
      for (let seed = 0; seed < ON_POSTGRES; seed++) {
        const result = await simulate(seed, { trace: false });
        expect([seed, result.violation?.message]).toEqual([seed, undefined]);
        completions += result.completions;
      }
    } finally {
      await close();
      await drop();
    }
    expect(completions).toBeGreaterThan(ON_POSTGRES);
  }, 300_000);

  it('makes the same history of the same seed', async () => {
    for (let seed = 0; seed < 5; seed++) {
      const { trace, ...first } = await simulateSchedules(seed, { trace: true });
      expect(await simulateSchedules(seed)).toEqual({ ...first, trace: [] });
      expect(trace.length).toBeGreaterThan(10);
    }
  }, 300_000);

  it.each(Object.entries(mutants))(
    'finds out a store that %s',
    async (_what, model) => {
      let found: string | undefined;
      for (let seed = 0; seed < FEW && !found; seed++)
        found = (await simulateSchedules(seed, { model })).violation?.message;
      expect(found).toBeDefined();
    },
    120_000,
  );
});
