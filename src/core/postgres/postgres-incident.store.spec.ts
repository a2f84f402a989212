import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { incidentStoreContract } from '../testing/incident-store.contract.js';
import { postgres } from './postgres.coordinator.js';

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 1 });
  pool.on('error', () => {});
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
afterEach(() => pool.query('TRUNCATE workers.incidents, workers.silences, workers.deliveries'));

describe('PostgresIncidentStore', () => {
  const contract = incidentStoreContract(async () => {
    const coordinator = postgres({ connectionString: database.url, service: 'incidents' });
    await coordinator.open();
    return {
      store: coordinator.incidentStore!(),
      now: async () => {
        const { rows } = await pool.query<{ now: number }>(
          'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now',
        );
        return rows[0]!.now;
      },
      pass: async (ms) => void (await pool.query('SELECT pg_sleep($1::float8 / 1000)', [ms])),
      teardown: () => coordinator.close(),
    };
  });
  for (const { name, run } of contract) it(name, run);

  it('rejects when the coordination is closed', async () => {
    const coordinator = postgres({ connectionString: database.url });
    await expect(coordinator.incidentStore!().silences()).rejects.toThrow(/closed/);
  });
});
