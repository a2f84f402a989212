import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { builtCheckout } from '../support/app-workbench.js';
import { createControlPlaneDatabase } from '../support/control-plane-database.js';
import { temporaryDirectories } from '../support/temporary-directory.js';
import { killPlaneAtRandom } from './plane-kills.js';

/** A small share of `npm run kills:reconciler`. */
describe('a control plane that is killed while it changes something', () => {
  const directory = temporaryDirectories(afterAll);
  let database: { url: string; drop(): Promise<void> };
  beforeAll(async () => {
    database = await createControlPlaneDatabase();
  });
  afterAll(() => database.drop());
  const place = async () => ({
    url: database.url,
    checkout: builtCheckout(),
    instances: join(await directory(), 'instances'),
  });

  it('converges, with nothing doubled and nothing leaked, whenever it is killed', async () => {
    const seen = await killPlaneAtRandom({ ...(await place()), kills: 3 });
    expect(seen.kills).toBe(3);
    expect(seen.violations).toEqual([]);
  });
});
