import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { temporaryDirectories } from '../support/temporary-directory.js';
import { Replica, readJournal } from './replica.js';
import { eventually } from '../support/eventually.js';

describe('an application that has closed', () => {
  const directory = temporaryDirectories(afterEach);
  let database: TestDatabase;
  let proxy: TcpProxy;
  let replica: Replica;

  beforeEach(async () => {
    database = await createTestDatabase();
    const through = await TcpProxy.before(database.url);
    proxy = through.proxy;
    const journal = join(await directory(), 'journal');
    const workers = [{ name: 'w', interval: 200, takes: 20 }];
    replica = await Replica.start(builtCheckout(), { url: through.url, workers, journal });
    await eventually(() => readJournal(journal).length > 4, 30_000);
  });
  afterEach(async () => {
    await replica.destroy();
    await proxy.close();
    await database.drop();
  });

  it('lets its process end by itself', async () => {
    expect(await replica.close()).toEqual({ code: 0, signal: null });
    expect(replica.output).toContain('closed');
    expect(proxy.connections).toBe(0);
  });

  it('does so also when PostgreSQL has gone without a word', async () => {
    proxy.blackHole();
    expect(await replica.close()).toEqual({ code: 0, signal: null });
    expect(replica.output).toContain('closed');
  });
});
