import { afterEach, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { appWorkbench, builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { instancesIn, loseWorkload } from '../support/fleet.js';
import { fleetFile } from '../support/fleet-file.js';
import { runs } from '../support/processes.js';
import { query } from '../support/query.js';

const HOUR = 3_600_000;
/** Milliseconds. */
const GRACE = 6_000;

describe('an app whose clock is apart from its database’s', () => {
  const workbench = appWorkbench();
  const databases: { drop(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const database of databases.splice(0)) await database.drop();
  });

  it.each([
    ['ahead of', HOUR],
    ['behind', -HOUR],
  ])(
    'spares what is young, and removes what is not, by the database’s clock alone: an hour %s it',
    async (_, ahead) => {
      const database = await createTestDatabase();
      databases.push(database);
      const directory = await workbench.directory();
      const collector = { interval: '300ms', instanceGracePeriod: GRACE };
      const FLEET = await fleetFile(directory, { steady: { replicas: 1 }, lost: { replicas: 2 } }, collector);
      const app = workbench.start(join(directory, 'data'), {
        env: {
          FLEET,
          DATABASE_URL: database.url,
          CLOCK_AHEAD: ahead,
          NODE_OPTIONS: `--import=${join(builtCheckout(), 'test/apps/clock-apart.mjs')}`,
        },
      });
      await app.said(/3 instances are running/);
      const before = await instancesIn(database.url);
      const lost = before.filter(({ workload }) => workload === 'lost');
      await loseWorkload(database.url, 'lost');

      await eventually(async () => (await instancesIn(database.url)).length === 1, 60_000);
      const ages = await query<{ age: number }>(
        database.url,
        `SELECT extract(epoch FROM e.created_at - w.created_at)::float8 * 1000 AS age
       FROM events e JOIN events w ON w.payload ->> 'instanceId' = e.payload ->> 'instanceId'
       WHERE e.type = 'instance.deleted' AND w.type = 'instance.created'`,
      );
      expect(ages).toHaveLength(2);
      for (const { age } of ages) expect(age).toBeGreaterThanOrEqual(GRACE - 1);
      for (const { pid } of lost) expect(runs(pid)).toBe(false);
      expect((await instancesIn(database.url)).map(({ id }) => id)).toEqual(
        before.filter(({ workload }) => workload === 'steady').map(({ id }) => id),
      );
      expect((await app.get('/health')).status).toBe(200);
      app.kill('SIGTERM');
      expect(await app.exit).toEqual({ code: 0, signal: null });
    },
  );
});
