import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { type DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { resolvePostgres } from '../../core/postgres/postgres-options.js';
import { ownPool, poolOf } from '../database/own-pool.js';
import { connect, dataSourceOptions } from './data-source.js';

describe('a connection that breaks as it is made', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let dataSource: DataSource;
  let pools: Record<string, { pool: pg.Pool; end(): Promise<void> }>;
  beforeAll(async () => {
    database = await createTestDatabase();
    const through = await TcpProxy.before(database.url);
    proxy = through.proxy;
    dataSource = await connect(dataSourceOptions({ url: through.url }));
    const coordination = resolvePostgres({ connectionString: through.url }).connect();
    pools = {
      coordination: { pool: coordination.pool, end: coordination.release },
      'the data source': { pool: poolOf(dataSource), end: () => dataSource.destroy() },
      'a pool beside it': ownPool(dataSource, 1),
    };
    // The one that it has idle would be taken.
    proxy.cut();
  });
  afterAll(async () => {
    for (const { end } of Object.values(pools)) await end();
    await proxy.close();
    await database.drop();
  });

  it.each(['coordination', 'the data source', 'a pool beside it'])(
    'of %s fails the next statement, and does not end the process',
    async (name) => {
      const { pool } = pools[name]!;
      proxy.endNextWhenReady();
      const client = await pool.connect();
      await expect(client.query('SELECT 1')).rejects.toThrow(/terminat|not queryable/);
      client.release(true);
      expect((await pool.query<{ one: number }>('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    },
  );
});
