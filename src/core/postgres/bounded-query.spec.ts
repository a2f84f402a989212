import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { eventually } from '../../../test/support/eventually.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { boundedQuery, DatabaseSilentError } from './bounded-query.js';

const SHORT = 150;
const LONG = 20_000;
/** Within which a connection is made, or given up by the pool. */
const CONNECT = 4_000;

// Connections are made, on machines with little to spare.
jest.setTimeout(30_000);

describe('boundedQuery', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let pool: pg.Pool;
  let direct: pg.Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    direct = new pg.Pool({ connectionString: database.url, max: 2 });
  });
  beforeEach(async () => {
    const through = await TcpProxy.before(database.url);
    proxy = through.proxy;
    pool = new pg.Pool({ connectionString: through.url, max: 1, connectionTimeoutMillis: CONNECT });
    pool.on('error', () => {});
  });
  afterEach(async () => {
    await proxy.close();
    await pool.end();
  });
  afterAll(async () => {
    await direct.end();
    await database.drop();
  });

  const session = async (within = LONG): Promise<number> =>
    (await boundedQuery<{ pid: number }>(pool, 'SELECT pg_backend_pid() AS pid', [], within))[0]!.pid;

  it('answers with the rows, and leaves the connection to the next one', async () => {
    const rows = await boundedQuery(pool, 'SELECT $1::int + 1 AS n', [1], LONG);
    expect(rows).toEqual([{ n: 2 }]);
    expect(await session()).toBe(await session());
  });

  it('keeps the connection after a statement that PostgreSQL refused', async () => {
    const before = await session();
    await expect(boundedQuery(pool, 'SELECT 1 / 0', [], LONG)).rejects.toThrow('division by zero');
    expect(await session()).toBe(before);
  });

  it('gives up a connection of a server that takes no writes any more, as after a failover', async () => {
    const before = await session();
    await pool.query('SET default_transaction_read_only = on');
    const write = () => boundedQuery(pool, 'CREATE TABLE IF NOT EXISTS written ()', [], LONG);
    await expect(write()).rejects.toThrow('read-only transaction');
    await expect(write()).resolves.toEqual([]);
    expect(await session()).not.toBe(before);
  });

  it.each(['08006', '57P01', '57P03'])('gives up a connection whose server says %s', async (state) => {
    const before = await session();
    const fail = `DO $$ BEGIN RAISE EXCEPTION 'going' USING ERRCODE = '${state}'; END $$`;
    await expect(boundedQuery(pool, fail, [], LONG)).rejects.toThrow('going');
    expect(await session()).not.toBe(before);
  });

  it('gives up a connection on which nothing comes back, and takes a new one', async () => {
    const before = await session();
    proxy.blackHole();
    await expect(session(SHORT)).rejects.toThrow(DatabaseSilentError);
    proxy.restore();
    expect(await session()).not.toBe(before);
  });

  it('gives up connecting to what accepts and says nothing, and gets through when that is over', async () => {
    proxy.blackHole();
    await expect(session(SHORT)).rejects.toThrow(`did not answer within ${SHORT} ms`);
    proxy.restore();
    // The place in the pool is free again when the pool's own time for connecting has passed. Who waits for it from now on has little left
    // of its own time then.
    await eventually(() => pool.totalCount === 0);
    expect(await session()).toEqual(expect.any(Number));
  });

  it('waits for no statement of somebody else: the connection that comes too late goes back to the pool', async () => {
    const other = await pool.connect();
    await expect(session(SHORT)).rejects.toThrow('the pool has no free connection');
    expect(pool.waitingCount).toBe(1);
    other.release();
    await eventually(() => pool.idleCount === 1);
    expect(await session()).toEqual(expect.any(Number));
  });

  it.each([
    ['is reset', async () => proxy.cut()],
    [
      'is ended by the server',
      async (pid: number) => void (await direct.query('SELECT pg_terminate_backend($1)', [pid])),
    ],
  ])('rejects, and harms nobody else, when the connection %s in mid-statement', async (_what, end) => {
    const pid = await session();
    const slow = boundedQuery(pool, 'SELECT pg_sleep(60)', [], LONG);
    const rejected = expect(slow).rejects.toThrow();
    await eventually(async () => {
      const { rowCount } = await direct.query(
        `SELECT FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%pg_sleep%' AND state = 'active'`,
        [pid],
      );
      return rowCount === 1;
    });
    await end(pid);
    await rejected;
    expect(await session()).not.toBe(pid);
  });
});
