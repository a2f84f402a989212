import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { mutants } from './mutants.js';
import { simulate } from './simulation.js';

/** In CI; `npm run simulate -- --seeds 10000` for more. Halves, as two processors are twice as fast. */
const SEEDS = 1_000;
/** Within which every mutant has to be found out. */
const FEW = 300;

describe('the cluster', () => {
  it(`keeps its promises in ${SEEDS} worlds in which all goes wrong`, async () => {
    const half = SEEDS / 2;
    const reports = await Promise.all(
      [0, half].map((from) => run('--seeds', `${half}`, '--from', `${from}`)),
    );
    for (const report of reports) expect(report).toContain('no violation');
  }, 300_000);
});

describe('the simulation', () => {
  beforeAll(() => Logger.overrideLogger(false));
  afterAll(() => Logger.overrideLogger(new Logger()));

  it('makes the same history of the same seed', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const first = await simulate(seed, { trace: true });
      const second = await simulate(seed, { trace: true });
      expect(second.trace.join('\n')).toBe(first.trace.join('\n'));
      const { trace, ...silent } = await simulate(seed);
      expect(trace).toEqual([]);
      expect(first).toMatchObject(silent);
    }
  }, 300_000);

  it.each(Object.entries(mutants))(
    'finds out a store that %s',
    async (_what, model) => {
      let found: string | undefined;
      for (let seed = 0; seed < FEW && !found; seed++)
        found = (await simulate(seed, { model })).violation?.message;
      expect(found).toBeDefined();
    },
    120_000,
  );
});

/** The last lines of what the command says; rejects with them when it fails. */
async function run(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', 'test/simulation/simulate.ts', ...args],
    { maxBuffer: 64 * 1024 * 1024 },
  ).catch((error: { stdout: string; message: string }) => {
    throw new Error(error.stdout.split('\n').slice(-200).join('\n') || error.message);
  });
  return stdout;
}
