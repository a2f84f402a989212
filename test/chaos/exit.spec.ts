import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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

describe('an application whose workers do not keep it alive', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.drop());

  const start = (unref: boolean) =>
    spawn(process.execPath, [join(builtCheckout(), 'test/apps/unref.mjs')], {
      env: { ...process.env, URL: database.url, UNREF: String(unref) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });

  it('ends by itself when it has nothing else to wait for, also in a cluster', async () => {
    const [code] = (await once(start(true), 'exit')) as [number];
    expect(code).toBe(0);
  });

  it('goes on when they do', async () => {
    const app = start(false);
    await once(app.stdout, 'data');
    // As long as the other one takes to end, and some pulses.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(app.exitCode).toBeNull();
    app.kill('SIGKILL');
    await once(app, 'exit');
  });
});
