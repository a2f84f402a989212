import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { rowsIn } from './rows-in.js';

const STATEMENT = 'SELECT $1 AS text, $2::int AS number';
const TEXTS = [
  'plain',
  "O'Hara",
  'back\\slash',
  'what?',
  "\\'; DROP TABLE x; --",
  '$1',
  'ünï\u{1F600}',
  'two\nlines',
];

describe('a statement in a transaction of another library', () => {
  let database: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.url);
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const runners = {
    'query that answers with rows': { query: async (sql: string, values?: unknown[]) => (await client.query(sql, values)).rows },
    'query that answers with a result': { query: (sql: string, values?: unknown[]) => client.query(sql, values) },
    'execute that answers with rows': { execute: async (sql: string) => (await client.query(sql)).rows },
    'execute beside a query that is no function': { query: {}, execute: (sql: string) => client.query(sql) },
    raw: Object.assign(() => {}, { raw: (sql: string) => client.query(sql.replaceAll('?', '$9')) }),
  }; // prettier-ignore

  it.each(Object.entries(runners))('is run by %s, with values of any characters', async (_what, runner) => {
    for (const conforming of ['on', 'off']) {
      await client.query(`SET standard_conforming_strings = ${conforming}`);
      for (const text of TEXTS)
        expect(await rowsIn(runner as never, STATEMENT, [text, 42])).toEqual([{ text, number: 42 }]);
      const nothing = { text: null, number: null };
      expect(await rowsIn(runner as never, STATEMENT, [null, null])).toEqual([nothing]);
    }
  });

  it.each([[{}], [undefined], [null], [{ query: 'SELECT' }]])('is refused by %p', async (runner) => {
    await expect(rowsIn(runner as never, STATEMENT, ['a', 1])).rejects.toThrow(
      /assertCurrent: give what runs SQL/,
    );
  });

  it('is refused by what answers with no rows', async () => {
    await expect(rowsIn({ query: async () => undefined }, STATEMENT, ['a', 1])).rejects.toThrow(
      /does not answer with rows/,
    );
  });
});
