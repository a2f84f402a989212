import { setTimeout as pass } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
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
