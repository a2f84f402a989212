import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { setTimeout as pass } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
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
  // `end` does not wait for the last words of its connections, which the end of the database may be.
  pool.on('error', () => {});
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

describe('PostgresCoordinator', () => {
  const enrolment = { name: 'w', timing: '1s', slot: 0 };
  const claimOf = { worker: 'w', replica: randomUUID(), from: 0, target: { slot: 1_000 }, missed: 0, skipped: 0, maxAttempts: 3 }; // prettier-ignore
  afterEach(() => pool.query('DROP SCHEMA IF EXISTS workers CASCADE'));

  it.each(['pool', 'dataSource'])(
    'renews a lease while a handler has every connection of the %s that it was given',
    async (kind) => {
      const small = new pg.Pool({ connectionString: database.url, max: 1 });
      const source = new DataSource({ type: 'postgres', url: database.url, poolSize: 1 });
      await source.initialize();
      const coordinator = postgres(kind === 'pool' ? { pool: small } : { dataSource: source });
      await coordinator.open();
      const runner = source.createQueryRunner();
      await runner.connect();
      const client = await small.connect();

      await coordinator.enroll([enrolment]);
      const runId = randomUUID();
      const { record } = await coordinator.claim({ ...claimOf, runId, fencing: 0, lease: 60_000 });
      const held = { worker: 'w', runId, fencing: record!.fencing };
      await expect(coordinator.heartbeat({ ...held, lease: 60_000 })).resolves.toMatchObject({
        leaseUntil: expect.any(Number),
      });
      client.release();
      await runner.release();
      await coordinator.close();
      await small.end();
      await source.destroy();
    },
  );

  it('keeps the process alive when an idle connection of a pool ends that nobody listens to, while it uses it', async () => {
    const given = new pg.Pool({ connectionString: database.url });
    const coordinator = postgres({ pool: given });
    await coordinator.open();
    const { rows } = await given.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const gone = new Promise((resolve) => given.once('remove', resolve));
    await pool.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
    await gone;
    await coordinator.close();
    expect(given.listenerCount('error')).toBe(0);
    await given.end();
  });

  it('says at the start what to do when the database is read-only', async () => {
    const url = new URL(database.url);
    await postgres({ connectionString: url.href }).open();
    url.searchParams.set('options', '-c default_transaction_read_only=on');
    const coordinator = postgres({ connectionString: url.href });
    await expect(coordinator.open()).rejects.toThrow(/PostgreSQL is read-only here.*Connect to the primary/);
    await pool.query('DROP SCHEMA workers CASCADE');
    await expect(coordinator.open()).rejects.toThrow(/PostgreSQL is read-only here.*Connect to the primary/);
  });

  it('can be closed when it could not be opened, and any number of times', async () => {
    const url = new URL(database.url);
    url.pathname = '/missing';
    const missing = postgres({ connectionString: url.href });
    await expect(missing.open()).rejects.toThrow(/does not exist/);
    await expect(missing.close()).resolves.toBeUndefined();

    const coordinator = postgres({ connectionString: database.url });
    await coordinator.open();
    await Promise.all([coordinator.close(), coordinator.close()]);
    await expect(coordinator.records()).rejects.toThrow('the connection to PostgreSQL is closed');
  });

  describe('where another service has the same schema', () => {
    const warnings: string[] = [];
    beforeAll(() => Logger.overrideLogger({ log: () => {}, error: () => {}, warn: (text: string) => warnings.push(text) })); // prettier-ignore
    afterAll(() => Logger.overrideLogger(['error', 'warn', 'log']));
    const start = async (service?: string) => {
      const coordinator = postgres({ connectionString: database.url, ...(service !== undefined && { service }) });
      try {
        await coordinator.open();
      } finally {
        await coordinator.close();
      }
    }; // prettier-ignore

    it('is refused when both have said who they are, with what to do', async () => {
      await start('billing');
      await start('billing');
      await expect(start('search')).rejects.toThrow(
        /The schema workers is that of the service "billing", and this is the service "search".*Give each service a schema/,
      );
      await pool.query(`DELETE FROM workers.services WHERE name = 'billing'`);
      await start('search');
      expect(warnings).toEqual([]);
    });

    it('warns when one of them has not', async () => {
      await start('billing');
      await start();
      expect(warnings.splice(0)).toEqual([
        expect.stringMatching(/that of the service "billing", and this is the service "ctrlplane-workers"/),
      ]);
      await pool.query(`UPDATE workers.services SET seen_at = seen_at - interval '3 hours'`);
      await start();
      expect(warnings).toEqual([]);
    });
  });

  it('tells what PostgreSQL refuses from what does not reach it', async () => {
    const coordinator = postgres({ connectionString: database.url });
    await coordinator.open();
    await pool.query('ALTER TABLE workers.workers RENAME TO elsewhere');
    const refusal = expect.objectContaining({ name: 'StoreRefusedError', because: 'state' });
    await expect(coordinator.claim({ ...claimOf, runId: randomUUID(), fencing: 0, lease: 1 })).rejects.toEqual(refusal);
    await coordinator.announce(randomUUID(), 500);
    await coordinator.close();
    await expect(coordinator.announce(undefined, 500)).rejects.not.toEqual(refusal);
  }); // prettier-ignore
});
