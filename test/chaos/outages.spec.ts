import { afterAll, describe, expect, it } from '@jest/globals';
import { builtCheckout } from '../support/app-workbench.js';
import { temporaryDirectories } from '../support/temporary-directory.js';
import { restartPostgres } from './outages.js';

describe('a cluster whose PostgreSQL restarts, crashes, and stays away for longer than a lease', () => {
  const directory = temporaryDirectories(afterAll);

  it('loses no process, and goes on when it is back as if nothing had happened', async () => {
    const seen = await restartPostgres({
      checkout: builtCheckout(),
      directory: await directory(),
      restarts: 3,
      stopped: 6_000,
    });
    expect(seen.violations).toEqual([]);
    expect(seen.ended).toBe(0);
    expect(seen.resumed).toHaveLength(4);
    expect(seen.output).toContain('The coordination cannot be reached');
    expect(seen.output).not.toMatch(/unhandled/i);
    expect(seen.tally.completed).toBeGreaterThan(0);
  });
});
