import { describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { once } from 'node:events';
import net from 'node:net';
import { createTestDatabase } from '../../../test/support/database.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { connect, databaseAddress, dataSourceOptions } from './data-source.js';
import { DatabaseUnreachableError, InvalidDatabaseUrlError } from './schema.errors.js';

const SECRET = 'pa55w0rd';

async function failureOf(url: string, connectTimeout = 300): Promise<DatabaseUnreachableError> {
  const failure: unknown = await connect(dataSourceOptions({ url, connectTimeout })).catch(
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(DatabaseUnreachableError);
  const error = failure as DatabaseUnreachableError;
  expect(error.message + JSON.stringify(error)).not.toContain(SECRET);
  return error;
}

/** A port of this machine on which nobody listens. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('connect', () => {
  it.each(['127.0.0.1', 'localhost'])(
    'names host, port, database and reason when nobody listens: %s',
    async (host) => {
      const port = await freePort();
      const error = await failureOf(`postgres://ann:${SECRET}@${host}:${port}/fleet`);
      expect(error.address).toEqual({ host, port, database: 'fleet' });
      expect(error.message).toContain(`"fleet" at ${host}:${port}`);
      expect(error.message).toContain('ECONNREFUSED');
    },
  );

  it('does not wait for what will not pass: a database that is not there, a host that has no address', async () => {
    const { url, drop } = await createTestDatabase();
    await drop();
    expect((await failureOf(url, 60_000)).message).toMatch(/database "test_.*" does not exist/);
    expect((await failureOf(`postgres://ann:${SECRET}@nowhere.invalid/fleet`, 60_000)).message).toContain(
      'nowhere.invalid:5432',
    );
  });

  it.each(['', '?options=-c%20search_path%3Dpublic'])(
    'has sessions at read committed, whatever the database says, and with the URL’s own options: %s',
    async (options) => {
      const { url, drop } = await createTestDatabase();
      const settings = async (): Promise<unknown> => {
        const dataSource = await connect(dataSourceOptions({ url: url + options, poolSize: 3 }));
        try {
          const ask = `SELECT pg_sleep(0.01)::text, current_setting('transaction_isolation') AS isolation, current_setting('search_path') AS path`;
          const rows = await Promise.all(Array.from({ length: 3 }, () => dataSource.query<object[]>(ask)));
          return [...new Set(rows.map(([row]) => JSON.stringify(row)))];
        } finally {
          await dataSource.destroy();
        }
      };
      const before = await settings();
      expect(before).toEqual([expect.stringContaining('"read committed"')]);
      const admin = await connect(dataSourceOptions({ url, poolSize: 1 }));
      const name = new URL(url).pathname.slice(1);
      await admin.query(`ALTER DATABASE ${name} SET default_transaction_isolation = 'serializable'`);
      await admin.destroy();
      expect(await settings()).toEqual(before);
      await drop();
    },
  );

  it('gives up on a server that never answers', async () => {
    const silent = net.createServer().listen(0, '127.0.0.1');
    const sockets: net.Socket[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    await once(silent, 'listening');
    const { port } = silent.address() as net.AddressInfo;
    const error = await failureOf(`postgres://ann:${SECRET}@127.0.0.1:${port}/fleet`);
    expect(error.message).toMatch(/timeout/i);
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  it('waits for a server that is about to listen', async () => {
    const { url, drop } = await createTestDatabase();
    const port = await freePort();
    const later = new URL(url);
    const target = { host: later.hostname, port: Number(later.port) };
    later.host = `127.0.0.1:${port}`;
    const connecting = connect(dataSourceOptions({ url: later.href, connectTimeout: 10_000 }));
    const proxy = net.createServer((socket) => {
      const upstream = net.connect(target);
      for (const end of [socket, upstream]) end.on('error', () => end.destroy());
      socket.pipe(upstream).pipe(socket);
    });
    setTimeout(() => proxy.listen(port, '127.0.0.1'), 300);
    const dataSource = await connecting;
    expect(await dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await dataSource.destroy();
    proxy.close();
    await drop();
  });

  it('survives that the server ends idle connections, and opens new ones', async () => {
    const { url, drop } = await createTestDatabase();
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const dataSource = await connect(dataSourceOptions({ url, poolSize: 3 }));
    const observer = await connect(dataSourceOptions({ url, poolSize: 1 }));
    await Promise.all([1, 2, 3].map(() => dataSource.query('SELECT pg_sleep(0.05)')));
    await observer.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    while (warn.mock.calls.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(warn.mock.calls.every(([message]) => String(message).startsWith('Lost an idle'))).toBe(true);
    warn.mockRestore();
    await dataSource.destroy();
    await observer.destroy();
    await drop();
  });
});

describe('databaseAddress', () => {
  it.each([
    ['postgres://ann:x@db.example:6543/fleet', { host: 'db.example', port: 6543, database: 'fleet' }],
    ['postgresql://ann@db.example', { host: 'db.example', port: 5432, database: 'ann' }],
    [
      'postgres:///fleet?host=/run/postgresql&user=ann',
      { host: '/run/postgresql', port: 5432, database: 'fleet' },
    ],
    ['postgres://%2Frun%2Fpostgresql/a%20b', { host: '/run/postgresql', port: 5432, database: 'a b' }],
  ])('reads %s', (url, address) => {
    expect(databaseAddress(url)).toEqual(address);
  });

  it.each([
    '',
    'db.example',
    `mysql://ann:${SECRET}@db.example/fleet`,
    `postgres//ann:${SECRET}@x`,
    'postgres://[x/y',
  ])('refuses %j without repeating it', (url) => {
    expect(() => databaseAddress(url)).toThrow(InvalidDatabaseUrlError);
    expect(() => databaseAddress(url)).not.toThrow(SECRET);
  });
});

describe('the end of a data source', () => {
  it('breaks queries that a server which hangs does not answer', async () => {
    const { url, drop } = await createTestDatabase();
    const { proxy, url: through } = await TcpProxy.before(url);
    try {
      const dataSource = await connect(dataSourceOptions({ url: through }));
      const runner = dataSource.createQueryRunner();
      await runner.connect();
      proxy.blackHole();
      const asked = expect(runner.query('SELECT 1')).rejects.toThrow();
      await new Promise(setImmediate); // it is sent
      await dataSource.destroy();
      await asked;
    } finally {
      await proxy.close();
      await drop();
    }
  });
});
