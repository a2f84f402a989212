import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { thisReplica } from '../history/replica.js';
import { type RunStore } from '../history/run.store.js';
import {
  lastingRunStoreContract,
  prunableRunStoreContract,
  runStoreContract,
  type RunStoreSetup,
  sharedRunStoreContract,
} from '../testing/run-store.contract.js';
import { type PostgresOptions } from './postgres-options.js';
import { postgresHistory } from './postgres-run.store.js';
import { schemaSteps } from './sql/schema-steps.js';

const REPLICA = thisReplica(0);

let database: TestDatabase;
let pool: pg.Pool;
let dataSource: DataSource;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 3 });
  // `end` does not wait for the last words of its connections, which the end of the database may be.
  pool.on('error', () => {});
  dataSource = await new DataSource({ type: 'postgres', url: database.url }).initialize();
});
afterAll(async () => {
  await pool.end();
  await dataSource.destroy();
  await database.drop();
});
afterEach(() => pool.query('DROP SCHEMA IF EXISTS workers CASCADE'));

async function open(options: PostgresOptions): Promise<RunStore> {
  const store = postgresHistory(options);
  await store.open();
  return store;
}

describe.each<[string, () => PostgresOptions]>([
  ['a TypeORM data source', () => ({ dataSource })],
  ['a pool of pg', () => ({ pool })],
  ['a connection string', () => ({ connectionString: database.url })],
])('PostgresRunStore on %s', (_name, options) => {
  const setup = async (): Promise<RunStoreSetup> => {
    const store = await open(options());
    return { store, teardown: () => store.close(REPLICA) };
  };
  const contracts = [
    runStoreContract,
    sharedRunStoreContract,
    lastingRunStoreContract,
    prunableRunStoreContract,
  ];
  for (const { name, run } of contracts.flatMap((contract) => contract(setup))) it(name, run);
});

describe('PostgresRunStore', () => {
  it('leaves a pool and a data source open that are not its own', async () => {
    for (const options of [{ pool }, { dataSource }]) await (await open(options)).close(REPLICA);
    await expect(pool.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
    await expect(dataSource.query('SELECT 1')).resolves.toHaveLength(1);
  });

  it('stores a batch of ten thousand runs, with text in any script, in one statement', async () => {
    const store = await open({ pool });
    const startedAt = new Date();
    const runs = Array.from({ length: 10_000 }, (_, i) => ({
      id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`, worker: `wörker "${i % 7}" \\ 工`, replica: REPLICA.id,
      trigger: 'schedule' as const, attempt: 1, scheduledAt: startedAt, startedAt, outcome: 'running' as const,
    })); // prettier-ignore
    await store.save(runs);
    const { rows } = await pool.query<{ n: string }>('SELECT count(*) AS n FROM workers.runs');
    expect(rows[0]!.n).toBe('10000');
    expect(await store.find({ worker: 'wörker "3" \\ 工', limit: 2 })).toHaveLength(2);
  });

  describe('schema', () => {
    it('is installed once by replicas that start at the same time', async () => {
      await Promise.all(
        Array.from({ length: 3 }, () =>
          open({ connectionString: database.url }).then((s) => s.close(REPLICA)),
        ),
      );
      const { rows } = await pool.query('SELECT version FROM workers.schema_version');
      expect(rows).toEqual(schemaSteps('workers').map((_, i) => ({ version: i + 1 })));
    });

    it('can have another name', async () => {
      const store = await open({ pool, schema: 'history_of_a' });
      await store.save([]);
      await expect(pool.query('SELECT FROM history_of_a.runs')).resolves.toMatchObject({ rowCount: 0 });
      await pool.query('DROP SCHEMA history_of_a CASCADE');
    });

    it('that is newer than the code is refused, with both versions and what to do', async () => {
      await open({ pool });
      await pool.query('INSERT INTO workers.schema_version (version) VALUES (99)');
      for (const manageSchema of [true, false])
        await expect(open({ pool, manageSchema })).rejects.toThrow(
          new RegExp(
            `schema workers is at version 99, and this code knows version ${schemaSteps('').length}: deploy the newer`,
          ),
        );
    });

    it('that is newer, by steps that this code can work with, is used as it is', async () => {
      const known = schemaSteps('').length;
      await (await open({ connectionString: database.url })).close(REPLICA);
      await pool.query('INSERT INTO workers.schema_version VALUES ($1, now(), $2)', [known + 1, known]);
      for (const manageSchema of [true, false]) {
        const store = await open({ connectionString: database.url, manageSchema });
        await expect(store.find({ limit: 1 })).resolves.toEqual([]);
        await store.close(REPLICA);
      }
      await pool.query('INSERT INTO workers.schema_version VALUES ($1, now(), $1)', [known + 2]);
      await expect(open({ pool })).rejects.toThrow(
        `at version ${known + 2}, and this code knows version ${known}`,
      );
    });

    it('that is missing and not to be managed is refused, with the SQL that installs it', async () => {
      const refusal = await open({ pool, manageSchema: false }).then(
        () => undefined,
        (error: Error & { sql?: string }) => error,
      );
      expect(refusal).toMatchObject({ name: 'SchemaOutdatedError', installed: 0 });
      await pool.query(refusal!.sql!);
      const store = await open({ pool, manageSchema: false });
      await expect(store.find({ limit: 1 })).resolves.toEqual([]);
    });
  });

  it.each<[PostgresOptions, RegExp]>([
    [{}, /Give one of dataSource, pool and connectionString; there is none/],
    [{ connectionString: 'postgres://secret@x/y', pool: {} as pg.Pool }, /there are pool, connectionString/],
    [{ connectionString: 'x', schema: 'no"good' }, /"no"good" is no schema name/],
    [{ connectionString: '' }, /connectionString cannot be read/],
    [
      { connectionString: 'postgres://u:secret@x/y', manageSchema: 'false' as never },
      /manageSchema: "false" \(string\)/,
    ],
    [
      { connectionString: 'postgres://u:secret@x/y', scheme: 'jobs' } as object,
      /scheme: unknown option: did you mean schema/,
    ],
    ['postgres://u:secret@x/y' as never, /a text is no object with options/],
    [{ dataSource: { options: { type: 'mysql' }, driver: {} } }, /of type mysql: it must be postgres/],
  ])('refuses options %#, without showing a password', (options, message) => {
    expect(() => postgresHistory(options)).toThrow(message);
    expect(() => postgresHistory(options)).not.toThrow(/secret/);
  });

  it('says when a data source is not initialised', async () => {
    const idle = new DataSource({ type: 'postgres', url: database.url });
    await expect(open({ dataSource: idle })).rejects.toThrow(/initialise it before the application starts/);
  });

  it('rejects when the database is away, and works again when it is back', async () => {
    const other = await createTestDatabase();
    const store = await open({ connectionString: other.url });
    await pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
      new URL(other.url).pathname.slice(1),
    ]);
    // The pool may notice the broken connection only by using it.
    await store.find({ limit: 1 }).catch(() => {});
    await expect(store.find({ limit: 1 })).resolves.toEqual([]);
    await other.drop();
    await expect(store.find({ limit: 1 })).rejects.toThrow(/does not exist/);
    await expect(store.close(REPLICA)).rejects.toThrow(/does not exist/);
  });
});
