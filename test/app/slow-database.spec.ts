import { afterEach, describe, expect, it } from '@jest/globals';
import { appWorkbench } from '../support/app-workbench.js';
import { createTestDatabase } from '../support/database.js';
import { fleetFile } from '../support/fleet-file.js';
import { TcpProxy } from '../support/tcp-proxy.js';

describe('a start whose database does not answer in time', () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const workbench = appWorkbench();

  async function start(working: number) {
    const database = await createTestDatabase();
    ends.push(database.drop);
    const { proxy, url } = await TcpProxy.before(database.url);
    ends.push(() => proxy.close());
    proxy.limitTo(working);
    const directory = await workbench.directory();
    const FLEET = await fleetFile(directory, { steady: { replicas: 1 } });
    const app = workbench.start(`${directory}/data`, { env: { FLEET, DATABASE_URL: url } });
    return { app, proxy };
  }

  // Together, as each of them waits for seconds.
  it('waits for it, be it at the first connection or at a later one', async () => {
    const apps = [await start(0), await start(1)];
    await Promise.all(
      apps.map(async ({ app, proxy }) => {
        await app.said(/The database does not answer \(.*timeout.*\); it is asked again for up to 60 s/);
        proxy.restore();
        await app.said(/1 instances? (?:is|are) running/);
        expect(app.output).not.toMatch(/^\s+at /m);
        app.kill('SIGTERM');
        expect(await app.exit).toEqual({ code: 0, signal: null });
      }),
    );
  });
});
