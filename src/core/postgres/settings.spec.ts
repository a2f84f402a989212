import { setTimeout as pass } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { thisReplica } from '../history/replica.js';
import { coordinatorContract } from '../testing/coordinator.contract.js';
import {
  lastingRunStoreContract,
  prunableRunStoreContract,
  runStoreContract,
  sharedRunStoreContract,
} from '../testing/run-store.contract.js';
import { postgres } from './postgres.coordinator.js';
import { postgresHistory } from './postgres-run.store.js';

/** bool, int8, int4, text, json, float8, uuid, jsonb, their arrays, instants. */
const TYPES = [16, 20, 23, 25, 114, 701, 2950, 3802, 199, 1009, 2951, 3807, 1082, 1114, 1184, 1186];

/** What an application or its database may have set, and none of our statements may depend on. */
const SETTINGS: [string, string[]][] = [
  ['styles of its own', [`DateStyle = 'German'`, `IntervalStyle = 'sql_standard'`, `TimeZone = 'Asia/Kathmandu'`]],
  ['serializable transactions', [`default_transaction_isolation = 'serializable'`]],
  ['repeatable reads', [`default_transaction_isolation = 'repeatable read'`]],
]; // prettier-ignore

describe.each(SETTINGS)(
  'a database with %s, and an application with parsers of its own',
  (_what, settings) => {
    let database: TestDatabase;
    let pool: pg.Pool;
    const before = TYPES.map((type) => [type, pg.types.getTypeParser(type)] as const);

    beforeAll(async () => {
      database = await createTestDatabase();
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      for (const setting of settings)
        await client.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET ${setting}`);
      await client.end();
      pool = new pg.Pool({ connectionString: database.url, max: 4 });
      // `end` does not wait for the last words of its connections, which the end of the database may be.
      pool.on('error', () => {});
      for (const type of TYPES) pg.types.setTypeParser(type, (text) => `the application's ${text}`);
    });
    afterAll(async () => {
      for (const [type, parser] of before) pg.types.setTypeParser(type, parser);
      await pool.end();
      await database.drop();
    });

    describe('as a history', () => {
      afterEach(() => pool.query('DROP SCHEMA IF EXISTS workers CASCADE'));
      const setup = async () => {
        const store = postgresHistory({ pool });
        await store.open();
        return { store, teardown: () => store.close(thisReplica(0)) };
      };
      const contracts = [
        runStoreContract,
        sharedRunStoreContract,
        lastingRunStoreContract,
        prunableRunStoreContract,
      ];
      for (const { name, run } of contracts.flatMap((contract) => contract(setup))) it(name, run);
    });

    describe('as a coordination', () => {
      const setup = async () => {
        const coordinator = postgres({ pool });
        await coordinator.open();
        return {
          coordinator,
          pass: (ms: number) => pass(ms),
          manager: pool,
          teardown: async () => {
            await coordinator.close();
            await pool.query('TRUNCATE workers.workers, workers.requests');
          },
        };
      };
      for (const { name, run } of coordinatorContract(setup)) it(name, run);

      it('grants one of many claims that come together, and refuses the others: no lost race is an outage', async () => {
        const { coordinator, teardown } = await setup();
        const name = randomUUID();
        await coordinator.enroll([{ name, timing: '1s', slot: 0 }]);
        for (let fencing = 0, from = 0; fencing < 5; fencing++, from += 1_000) {
          const answers = await Promise.all(
          Array.from({ length: 8 }, () =>
            coordinator.claim({
              worker: name, runId: randomUUID(), replica: randomUUID(), fencing, from,
              target: { slot: from + 1_000 }, missed: 0, skipped: 0, lease: 60_000, maxAttempts: 3,
            }),
          ),
        ); // prettier-ignore
          const granted = answers.filter((answer) => answer.granted);
          expect(granted).toHaveLength(1);
          const runId = granted[0]!.record!.runId!;
          await coordinator.release({
          worker: name, runId, fencing: fencing + 1, kind: 'done', leased: true, retry: false, delay: 'keep', tell: false,
        }); // prettier-ignore
        }
        await teardown();
      });
    });
  },
);
