import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as pass } from 'node:timers/promises';
import pg from 'pg';
import { thisReplica } from '../../src/core/history/replica.js';
import { postgresHistory } from '../../src/core/postgres/postgres-run.store.js';
import { postgres } from '../../src/core/postgres/postgres.coordinator.js';
import { coordinatorContract } from '../../src/core/testing/coordinator.contract.js';
import { runStoreContract, sharedRunStoreContract } from '../../src/core/testing/run-store.contract.js';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { describeWith } from '../support/needs.js';
import { type PgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { temporaryDirectories } from '../support/temporary-directory.js';
import { killAtRandom } from './kills.js';

describeWith('pgbouncer', 'behind PgBouncer in transaction mode', () => {
  const directory = temporaryDirectories(afterAll);
  let database: TestDatabase;
  let bouncer: PgBouncer;
  let direct: pg.Pool;
  let through: pg.Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    bouncer = await startPgBouncer(await directory(), database.url);
    direct = new pg.Pool({ connectionString: database.url, max: 2 });
    through = new pg.Pool({ connectionString: bouncer.url, max: 4 });
  });
  afterAll(async () => {
    await direct.end();
    await through.end();
    await bouncer.stop();
    await database.drop();
  });

  for (const { name, run } of coordinatorContract(async () => {
    const coordinator = postgres({ connectionString: bouncer.url });
    await coordinator.open();
    return {
      coordinator,
      pass: (ms) => pass(ms),
      manager: through,
      teardown: async () => {
        await coordinator.close();
        await direct.query('TRUNCATE workers.workers, workers.requests');
      },
    };
  }))
    it(`the coordinator ${name}`, run);

  const runStore = async () => {
    const store = postgresHistory({ connectionString: bouncer.url });
    await store.open();
    return {
      store,
      teardown: async () => {
        await store.close(thisReplica(0));
        await direct.query('TRUNCATE workers.runs, workers.replicas');
      },
    };
  };
  for (const { name, run } of [...runStoreContract(runStore), ...sharedRunStoreContract(runStore)])
    it(`the run store ${name}`, run);

  it('three replicas, killed at random, complete no slot twice and account for every one', async () => {
    await direct.query('DROP SCHEMA workers CASCADE');
    const seen = await killAtRandom({
      url: bouncer.url,
      direct: database.url,
      checkout: builtCheckout(),
      directory: await directory(),
      kills: 3,
      lease: 2_000,
    });
    expect(seen.violations).toEqual([]);
    expect(seen.ended).toEqual([]);
    expect(seen.tally.completed).toBeGreaterThan(0);
  });
});
