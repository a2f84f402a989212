import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase } from '../support/database.js';
import { describeWith } from '../support/needs.js';
import { temporaryDirectories } from '../support/temporary-directory.js';
import { type Hosts, killHostsAtRandom } from './hosts.js';

/** At length: `npm run chaos -- --only hosts --kills 20`. */
const KILLS = 3;

describeWith('proc', 'two hosts with stores of their own on one database, killed at random', () => {
  const directory = temporaryDirectories(afterAll);
  let seen: Hosts;

  beforeAll(async () => {
    const database = await createTestDatabase();
    try {
      const place = { url: database.url, checkout: builtCheckout(), directory: await directory() };
      seen = await killHostsAtRandom({ ...place, kills: KILLS, seed: 1 });
    } finally {
      await database.drop();
    }
  }, 300_000);

  it('leak nothing, start nothing twice, and change their own instances alone', () => {
    expect(seen.wrong).toEqual([]);
    expect(seen.kills).toBe(KILLS);
    expect(seen.starts).toBeGreaterThan(0);
  });
});
