import { AsyncLocalStorage } from 'node:async_hooks';
import { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { Database } from './database.js';

const OWN = { timeout: 5_000, keep: false };

describe('Database', () => {
  let server: TestDatabase;
  beforeAll(async () => void (server = await createTestDatabase()));
  afterAll(() => server.drop());

  it('connects and sends its statements in no async context of a request', async () => {
    const request = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const stream = () => {
      seen.push(request.getStore());
      return new Socket();
    };
    const pool = new pg.Pool({ connectionString: server.url, stream, max: 1 });
    const database = new Database({ pool }, OWN);
    await database.open();
    seen.splice(0);
    const answers = await request.run('of Alice', () =>
      Promise.all(Array.from({ length: 3 }, () => database.query(() => 'SELECT 1 AS one', []))),
    );
    expect(answers).toEqual(answers.map(() => [{ one: 1 }]));
    expect(seen).toEqual([undefined, undefined]);
    await database.close();
    await pool.end();
  });

  it('says that it is closed, before it was opened and after', async () => {
    const database = new Database({ connectionString: server.url }, OWN);
    const ask = () => database.query(() => 'SELECT 1', []);
    await expect(ask()).rejects.toThrow('the connection to PostgreSQL is closed');
    await database.close();
    await database.open();
    await expect(ask()).resolves.toHaveLength(1);
    await Promise.all([database.close(), database.close()]);
    await expect(ask()).rejects.toThrow('the connection to PostgreSQL is closed');
  });
});
