import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { temporaryDirectories } from '../support/temporary-directory.js';
import { killAndDrainHolders, stopHolder } from './holder.js';

describe('the holder of a job', () => {
  const directory = temporaryDirectories(afterEach);
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.drop());
  const where = async () => ({
    url: database.url,
    checkout: builtCheckout(),
    directory: await directory(),
  });

  it('is killed, the next one drained: a third one that is left alone completes it, within its attempts', async () => {
    const times = { takes: 4_000, every: 2_500, lease: 1_500 };
    const { notes, history, effects, violations } = await killAndDrainHolders(await where(), times);
    expect(violations).toEqual([]);
    expect(history).toMatchObject([
      { attempt: 1, outcome: 'lost' },
      { attempt: 2, outcome: 'aborted' },
      { attempt: 3, outcome: 'succeeded' },
    ]);
    expect(new Set(history.map(({ replica }) => replica)).size).toBe(3);
    expect(new Set(notes.map(({ slot }) => slot)).size).toBe(1);
    expect(effects).toEqual([{ attempt: 3, token: 3 }]);
  });

  it('sleeps beyond its lease: its run is aborted, its write refused, and history tells both', async () => {
    const { notes, history, effects, violations } = await stopHolder(await where(), { lease: 1_000 });
    expect(violations).toEqual([]);
    const stopped = notes.filter(({ attempt }) => attempt === 1);
    expect(stopped).toMatchObject([
      { what: 'start' },
      { what: 'abort', reason: 'LeaseLostError' },
      { what: 'end', error: 'StaleRunError' },
    ]);
    expect(history).toMatchObject([
      { attempt: 1, outcome: 'lost', error: 'StaleRunError' },
      { attempt: 2, outcome: 'succeeded' },
    ]);
    expect(effects).toEqual([{ attempt: 2, token: 2 }]);
  });
});
