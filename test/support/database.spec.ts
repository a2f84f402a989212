import { afterEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from './database.js';
import { query } from './query.js';

describe('createTestDatabase', () => {
  const made: TestDatabase[] = [];
  const create = async (...args: Parameters<typeof createTestDatabase>) => {
    const database = await createTestDatabase(...args);
    made.push(database);
    return database;
  };
  afterEach(async () => {
    await Promise.all(made.splice(0).map((database) => database.drop()));
  });

  it('gives each caller an empty database of its own', async () => {
    const [one, other] = await Promise.all([create(), create()]);
    await query(one.url, 'CREATE TABLE mark ()');
    expect(await query(other.url, `SELECT to_regclass('mark') AS mark`)).toEqual([{ mark: null }]);
  });

  it('prepares a template once, however many ask for it at the same time', async () => {
    let prepared = 0;
    const template = {
      name: `spec-${randomBytes(4).toString('hex')}`,
      prepare: async (url: string) => {
        prepared++;
        await query(url, 'CREATE TABLE mark AS SELECT 7 AS n');
      },
    };
    const databases = await Promise.all(Array.from({ length: 4 }, () => create(template)));
    expect(prepared).toBe(1);
    for (const { url } of databases) expect(await query(url, 'SELECT n FROM mark')).toEqual([{ n: 7 }]);
  });

  it('prepares a template again whose preparation failed', async () => {
    const name = `spec-${randomBytes(4).toString('hex')}`;
    const failing = async (url: string) => {
      await query(url, 'CREATE TABLE half_done ()');
      throw new Error('no');
    };
    await expect(create({ name, prepare: failing })).rejects.toThrow('no');
    const { url } = await create({
      name,
      prepare: async (to) => void (await query(to, 'CREATE TABLE done ()')),
    });
    expect(
      await query(url, `SELECT to_regclass('half_done') AS half, to_regclass('done')::text AS done`),
    ).toEqual([{ half: null, done: 'done' }]);
  });

  it('drops a database that still has sessions', async () => {
    const { url, drop } = await create();
    const client = new pg.Client({ connectionString: url });
    const ended = new Promise((resolve) => client.on('error', resolve));
    await client.connect();
    await drop();
    await ended;
    await expect(query(url, 'SELECT')).rejects.toThrow(/does not exist/);
  });
});
