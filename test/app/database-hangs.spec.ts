import { afterEach, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/app/embedded-postgres/index.js';
import { appWorkbench } from '../support/app-workbench.js';
import { instancesIn } from '../support/fleet.js';
import { fleetFile } from '../support/fleet-file.js';
import { FrozenPostgres } from '../support/frozen-postgres.js';
import { postmasterOf } from '../support/processes.js';
import { embeddedDatabase } from '../support/query.js';
import { TcpProxy } from '../support/tcp-proxy.js';

describe('an app whose database hangs', () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const workbench = appWorkbench();

  async function start(env: Record<string, string> = {}) {
    const directory = await workbench.directory();
    const dataDirectory = join(directory, 'data');
    const FLEET = await fleetFile(directory, { steady: { replicas: 2 } });
    const app = workbench.start(dataDirectory, { env: { FLEET, DRAIN_TIMEOUT: '1s', ...env } });
    await app.said(/2 instances are running/);
    return { app, dataDirectory, FLEET };
  }

  // Together, as each of them waits for half a minute.
  it('ends all the same: when it is frozen, when packets to it vanish, when every table is locked', async () => {
    const [frozen, away, locked] = [await start(), await startBehindProxy(), await start()];
    const server = await FrozenPostgres.freeze(await postmasterOf(frozen.dataDirectory));
    away.proxy.blackHole();
    await lockTables(locked.dataDirectory);
    const apps = [frozen.app, away.app, locked.app];
    for (const app of apps) app.kill('SIGTERM');
    for (const app of apps) expect(await app.exit).toEqual({ code: 0, signal: null });

    // Its processes have ended with it, so that the next start recovers.
    expect(frozen.app.output).toMatch(/PostgreSQL \(process \d+\) hangs and does not stop: it is killed/);
    expect(server.living()).toEqual([]);
    const again = workbench.start(frozen.dataDirectory, { env: { FLEET: frozen.FLEET } });
    await again.said(/2 instances are running/);
    expect(await instancesIn(await embeddedDatabase(frozen.dataDirectory))).toHaveLength(2);
  });

  async function startBehindProxy() {
    const server = await startEmbeddedPostgres({ directory: join(await workbench.directory(), 'server') });
    ends.push(() => server.stop());
    const { proxy, url } = await TcpProxy.before(server.url);
    ends.push(() => proxy.close());
    return { ...(await start({ DATABASE_URL: url })), proxy };
  }

  async function lockTables(dataDirectory: string) {
    const client = new pg.Client({ connectionString: await embeddedDatabase(dataDirectory) });
    client.on('error', () => undefined); // the database is stopped under it
    await client.connect();
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    await client.query('BEGIN');
    for (const { name } of rows) await client.query(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
  }
});
