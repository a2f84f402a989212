import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { temporaryDirectories } from '../support/temporary-directory.js';
import { type Kills, killAtRandom } from './kills.js';

const KILLS = 8;

describe('three replicas with fifty workers, killed at random and started anew', () => {
  const directory = temporaryDirectories(afterAll);
  let database: TestDatabase;
  let seen: Kills;

  beforeAll(async () => {
    database = await createTestDatabase();
    seen = await killAtRandom({
      url: database.url,
      checkout: builtCheckout(),
      directory: await directory(),
      kills: KILLS,
      lease: 2_000,
    });
  });
  afterAll(() => database.drop());

  it('complete no slot twice, never overlap, and account for every slot', () => {
    expect(seen.violations).toEqual([]);
    expect(seen.tally.completed).toBeGreaterThan(0);
    expect(seen.tally.lost).toBeGreaterThan(0);
  });

  it('leave no worker without a replica that takes it over', () => {
    // How fast is measured by `npm run chaos`; here it is that it happens.
    expect(seen.takeovers.idle.length).toBeGreaterThan(0);
    expect(seen.takeovers.midRun.length).toBeGreaterThan(0);
    expect([...seen.takeovers.idle, ...seen.takeovers.midRun]).not.toContain(Infinity);
  });

  it('end by nothing but the kills', () => {
    expect(seen.kills).toBe(KILLS);
    expect(seen.ended).toEqual([]);
  });
});
