import { setTimeout as pass } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { coordinatorContract } from '../testing/coordinator.contract.js';
import { type PostgresOptions } from './postgres-options.js';
import { postgres } from './postgres.coordinator.js';

let database: TestDatabase;
let pool: pg.Pool;
let dataSource: DataSource;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 4 });
  dataSource = await new DataSource({ type: 'postgres', url: database.url }).initialize();
});
afterAll(async () => {
  await pool.end();
  await dataSource.destroy();
  await database.drop();
});

describe.each<[string, () => PostgresOptions]>([
  ['a TypeORM data source', () => ({ dataSource })],
  ['a pool of pg', () => ({ pool })],
  ['a connection string', () => ({ connectionString: database.url })],
])('PostgresCoordinator on %s', (_name, options) => {
  const setup = async () => {
    const given = options();
    const coordinator = postgres(given);
    await coordinator.open();
    return {
      coordinator,
      pass: (ms: number) => pass(ms),
      manager: given.dataSource ? dataSource.manager : pool,
      teardown: async () => {
        await coordinator.close();
        await pool.query('TRUNCATE workers.workers, workers.requests');
      },
    };
  };
  for (const { name, run } of coordinatorContract(setup)) it(name, run);
});

it('has all connections of its own pool open when it is opened, and one of a pool that it is given', async () => {
  const url = new URL(database.url);
  url.searchParams.set('application_name', 'warm');
  const given = new pg.Pool({ connectionString: url.href, max: 4 });
  const open = async (options: PostgresOptions) => {
    const coordinator = postgres(options);
    await coordinator.open();
    const { rows } = await pool.query<{ count: number }>(
      "SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'warm'",
    );
    await coordinator.close();
    return rows[0]!.count;
  };
  expect(await open({ pool: given })).toBe(1);
  await given.end();
  expect(await open({ connectionString: url.href })).toBe(4);
});
