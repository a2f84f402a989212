import { expect, it } from '@jest/globals';
import { builtCheckout } from '../support/app-workbench.js';
import { temporaryDirectories } from '../support/temporary-directory.js';
import { FAULTS } from './faults.js';
import { soak } from './soak.js';

const directory = temporaryDirectories();

it('the reference app recovers from each fault of the soak test, and ends in good order', async () => {
  const { samples, faults, runs, wrong } = await soak({
    checkout: builtCheckout(),
    directory: await directory(),
    seconds: 30,
  });
  expect(wrong).toEqual([]);
  expect(Object.keys(faults).sort()).toEqual(FAULTS.map(({ name }) => name).sort());
  expect(samples.length).toBeGreaterThan(0);
  expect(runs).toBeGreaterThan(0);
}, 600_000);
