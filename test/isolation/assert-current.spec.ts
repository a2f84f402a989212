import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { IsolatedApp } from '../support/isolated-app.js';

/** The right to run is the application's, the transaction is that of the thread or process. */
describe.each(['thread', 'process'])('an isolated run of a cluster, in a %s,', (kind) => {
  let database: TestDatabase;
  let app: IsolatedApp;
  beforeAll(async () => {
    database = await createTestDatabase();
    app = new IsolatedApp({ env: { DATABASE_URL: database.url } });
  });
  afterAll(async () => {
    await app.destroy();
    await database?.drop();
  });

  it('has its fencing token, and may write while it is the current one', async () => {
    const run = await app.run(`${kind}.asserts`);
    expect(run).toMatchObject({ outcome: 'succeeded', metrics: { token: expect.any(Number), asserted: 2 } });
    const next = await app.run(`${kind}.asserts`);
    expect(next.metrics!['token']).toBeGreaterThan(run.metrics!['token']!);
  });

  it('is refused when a newer one was granted, with an error that it knows', async () => {
    expect(await app.run(`${kind}.asserts`, { payload: 'superseded' })).toMatchObject({
      outcome: 'failed',
      error: { name: 'StaleRunError' },
      metrics: { knows: 1 },
    });
  });

  it('is told when what it gives runs no SQL, and when its statement fails', async () => {
    expect(await app.run(`${kind}.asserts`, { payload: 'nothing' })).toMatchObject({
      outcome: 'failed',
      error: { name: 'TypeError', message: expect.stringMatching(/^assertCurrent: give what runs SQL/) },
    });
    expect(await app.run(`${kind}.asserts`, { payload: 'closed' })).toMatchObject({
      outcome: 'failed',
      error: { message: 'the connection is closed' },
    });
  });
});
