import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { eventually } from '../../../test/support/eventually.js';
import { startWorkers } from '../../../test/support/workers.js';
import { ManualClock } from '../testing/manual-clock.js';
import { postgres } from './postgres.coordinator.js';
import { schemaSql } from './schema-sql.js';
import { postgresHistory } from './postgres-run.store.js';

const PASSWORD = 'not-to-be-shown';

describe('the start of an application whose role lacks a right', () => {
  let database: TestDatabase;
  let owner: pg.Pool;
  let role: string;
  let url: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Pool({ connectionString: database.url, max: 2 });
  });
  beforeEach(async () => {
    role = `app_${randomBytes(4).toString('hex')}`;
    await owner.query(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    const as = new URL(database.url);
    as.username = role;
    as.password = PASSWORD;
    url = as.href;
  });
  afterEach(async () => {
    await owner.query('DROP SCHEMA IF EXISTS workers CASCADE');
    await owner.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
  afterAll(async () => {
    await owner.end();
    await database.drop();
  });

  const install = () => open(postgres({ pool: owner }));
  const open = async (coordinator: ReturnType<typeof postgres>) => {
    await coordinator.open();
    await coordinator.close();
  };
  const start = (options: { manageSchema?: boolean } = {}) =>
    open(postgres({ connectionString: url, ...options }));
  /** What the start is refused with. */
  const refusal = async (): Promise<Error & { sql: string }> => {
    const error = await start().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ name: 'MissingRightError', role });
    expect(inspect(error)).not.toContain(PASSWORD);
    return error as Error & { sql: string };
  };

  it('to create the schema, says so, and what mends it', async () => {
    const { message, sql } = await refusal();
    expect(message).toMatch(
      new RegExp(`^The role "${role}" may not create the schema workers in the database `),
    );
    expect(message).toContain('manageSchema: false');
    await owner.query(sql);
    await start();
  });

  it('to use the schema, says so, and what mends it', async () => {
    await install();
    const { message, sql } = await refusal();
    expect(message).toMatch(/may not use the schema workers\. Run as the owner: GRANT USAGE/);
    await owner.query(sql);
    await start();
    await start({ manageSchema: false });
  });

  it('to change some table, names each, and what mends it', async () => {
    await install();
    await owner.query(`GRANT USAGE ON SCHEMA workers TO ${role}`);
    await owner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA workers TO ${role}`);
    await start();
    await owner.query(`REVOKE UPDATE ON workers.workers, workers.runs FROM ${role}`);
    const { message, sql } = await refusal();
    expect(message).toContain(
      'lacks UPDATE on workers.runs, UPDATE on workers.workers. Run as the owner: GRANT',
    );
    await owner.query(sql);
    await start();
  });

  it('to upgrade a schema that is older, says so, with the SQL that does', async () => {
    await install();
    await owner.query('DELETE FROM workers.schema_version WHERE version > 1');
    await owner.query(
      'DROP TABLE workers.workers, workers.requests, workers.members, workers.known_workers CASCADE',
    );
    const grant = `GRANT USAGE ON SCHEMA workers TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA workers TO ${role}`;
    await owner.query(grant);
    const { message, sql } = await refusal();
    expect(message).toContain('may not upgrade the schema workers (permission denied for');
    await owner.query(sql);
    await owner.query(grant);
    await start();
  });

  it('has nothing left to say when schemaSql was applied for the role ahead of time', async () => {
    await owner.query(`BEGIN; ${schemaSql({ role })} COMMIT`);
    await start({ manageSchema: false });
    await start();
  });

  it('has nothing left to say when schemaSql was applied to an older schema', async () => {
    await owner.query(`BEGIN; ${schemaSql()} COMMIT`);
    await owner.query('DELETE FROM workers.schema_version WHERE version > 1');
    await owner.query(
      'DROP TABLE workers.workers, workers.requests, workers.members, workers.known_workers CASCADE',
    );
    await owner.query(`BEGIN; ${schemaSql({ role, installed: 1 })} COMMIT`);
    await start({ manageSchema: false });
  });

  it('ends there: no connection of ours is left', async () => {
    const starting = startWorkers(
      [],
      { coordination: postgres({ connectionString: url }) },
      new ManualClock(),
    );
    await expect(starting).rejects.toThrow('may not create the schema workers');
    await eventually(async () => {
      const { rowCount } = await owner.query('SELECT FROM pg_stat_activity WHERE usename = $1', [role]);
      return rowCount === 0;
    });
  });

  it('has the same words for the history alone', async () => {
    await expect(postgresHistory({ connectionString: url }).open()).rejects.toThrow(
      'may not create the schema',
    );
  });
});

describe('schemaSql', () => {
  it.each(['no"good', 'Upper', '', 'a b', '1st', 'x'.repeat(64)])('refuses %j for a schema', (schema) => {
    expect(() => schemaSql({ schema })).toThrow(`"${schema}" is no schema name: give lower-case letters`);
  });

  it('names the schema and the role as PostgreSQL reads them', () => {
    const sql = schemaSql({ schema: 'jobs', role: 'my "app"' });
    expect(sql).toContain('CREATE TABLE jobs.runs');
    expect(sql).not.toContain('workers.');
    expect(sql).toContain('GRANT USAGE ON SCHEMA jobs TO "my ""app""";');
  });
});

describe('a connection string that cannot be read', () => {
  it('is refused at once, and not shown', () => {
    const bad = () => postgres({ connectionString: `postgres://u:${PASSWORD}@host:port/x` });
    expect(bad).toThrow(/connectionString cannot be read: give postgres:\/\/user:password@host/);
    try {
      bad();
    } catch (error) {
      expect(inspect(error)).not.toContain(PASSWORD);
    }
  });
});
