import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { itWith } from '../../../test/support/needs.js';
import { postgresWorkbench } from '../../../test/support/postgres-workbench.js';
import { query } from '../../../test/support/query.js';
import { readProcessIdentity } from '../../modules/providers/process/process-identity.js';
import { PostgresServerError, startEmbeddedPostgres, type EmbeddedPostgres } from './index.js';

describe('startEmbeddedPostgres', () => {
  const running: EmbeddedPostgres[] = [];
  const start = async (options: Parameters<typeof startEmbeddedPostgres>[0]) => {
    const server = await startEmbeddedPostgres(options);
    running.push(server);
    return server;
  };
  afterEach(async () => {
    await Promise.all(running.splice(0).map((server) => server.stop()));
  });
  const workbench = postgresWorkbench();

  it('makes a database in a directory that does not exist yet, and serves it', async () => {
    const directory = join(await workbench.directory(), 'data', 'postgres');
    const server = await start({ directory });
    expect(server.adopted).toBe(false);
    expect(new URL(server.url)).toMatchObject({ hostname: '127.0.0.1', port: String(server.port) });
    const sql = 'SELECT current_database() AS database, current_user AS user';
    expect(await query(server.url, sql)).toEqual([{ database: 'ctrlplane', user: 'ctrlplane' }]);
  });

  it('finds after a stop all that was there before, under the same password', async () => {
    const directory = await workbench.cluster();
    const first = await start({ directory });
    await query(first.url, 'CREATE TABLE mark AS SELECT 7 AS n');
    await first.stop();
    const second = await start({ directory });
    expect(await query(second.url, 'SELECT n FROM mark')).toEqual([{ n: 7 }]);
    expect(new URL(second.url).password).toBe(new URL(first.url).password);
  });

  it('creates the database that it is asked for, whatever its name', async () => {
    const server = await start({ directory: await workbench.cluster(), database: 'My "own" db' });
    const sql = 'SELECT current_database() AS database';
    expect(await query(server.url, sql)).toEqual([{ database: 'My "own" db' }]);
  });

  it('works in a directory with spaces, quotes and letters of any alphabet in its path', async () => {
    const server = await start({ directory: join(await workbench.directory(), "it's a dátá-目录") });
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('applies the settings that it is given', async () => {
    const { url } = await start({ directory: await workbench.cluster(), settings: { work_mem: '7MB' } });
    expect(await query(url, 'SHOW work_mem')).toEqual([{ work_mem: '7MB' }]);
  });

  it('refuses a setting that a shell would take for something else', async () => {
    const settings = { work_mem: '1MB; touch /tmp/x' };
    await expect(start({ directory: await workbench.cluster(), settings })).rejects.toThrow(
      '"work_mem" = "1MB; touch /tmp/x" cannot be passed to PostgreSQL',
    );
  });

  it('shows what the server said last when it does not come up', async () => {
    const settings = { max_connections: 'many' };
    const failure = start({ directory: await workbench.cluster(), settings });
    await expect(failure).rejects.toThrow(PostgresServerError);
    await expect(failure).rejects.toThrow(/invalid value for parameter "max_connections": "many"/);
  });

  it('leaves it to whoever starts it how long a server may take to answer', async () => {
    const settings = { post_auth_delay: 3 };
    const failures: unknown[] = [];
    const patience = {
      until: async <T>(step: () => Promise<T>) => {
        await step().catch((error: unknown) => failures.push(error));
        return step();
      },
    };
    const started = start({ directory: await workbench.cluster(), settings, patience });
    await expect(started).rejects.toThrow('timeout expired');
    expect(failures).toMatchObject([{ message: 'timeout expired' }]);
  });

  it('has ended when stop() resolves, and may be stopped again', async () => {
    const server = await start({ directory: await workbench.cluster() });
    await query(server.url, 'SELECT');
    await server.stop();
    expect(readProcessIdentity(server.pid)).toBeUndefined();
    await server.stop();
  });

  it('stops even when somebody has removed its directory', async () => {
    const directory = await workbench.cluster();
    const server = await start({ directory });
    // The server may put a file there meanwhile.
    await rm(directory, { recursive: true, maxRetries: 10 });
    await server.stop();
    expect(readProcessIdentity(server.pid)).toBeUndefined();
  });

  it('stops while sessions are open', async () => {
    const server = await start({ directory: await workbench.cluster() });
    const client = new pg.Client({ connectionString: server.url });
    const told = new Promise<Error>((resolve) => client.on('error', resolve));
    await client.connect();
    await server.stop();
    expect(await told).toBeInstanceOf(Error);
  });

  it('leaves nothing behind but the cluster, its password and its log', async () => {
    const directory = await workbench.cluster();
    const server = await start({ directory });
    await server.stop();
    expect((await readdir(directory)).sort()).toEqual(['data', 'password', 'server.log']);
  });
});

describe('a server that is running', () => {
  const workbench = postgresWorkbench(afterAll);
  let directory: string;
  let server: EmbeddedPostgres;

  beforeAll(async () => {
    directory = await workbench.directory();
    server = await startEmbeddedPostgres({ directory });
  });

  it('listens on the loopback interface only, and on no socket file', async () => {
    const { url } = server;
    const sql = `SELECT current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets`;
    expect(await query(url, sql)).toEqual([{ addresses: '127.0.0.1', sockets: '' }]);
  });

  it('lets nobody in without the password', async () => {
    const { url } = server;
    const wrong = new URL(url);
    wrong.password = 'postgres';
    await expect(query(wrong.href, 'SELECT')).rejects.toThrow(/password authentication failed/);
  });

  it('keeps password and log for its owner alone', async () => {
    const { url } = server;
    for (const file of ['password', 'server.log']) {
      expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600);
    }
    expect(await readFile(join(directory, 'server.log'), 'utf8')).not.toContain(new URL(url).password);
  });

  itWith('proc', 'runs it in a session of its own, where a Ctrl-C does not reach', async () => {
    const { pid } = server;
    expect(await sessionOf(pid)).toBe(pid);
    expect(await sessionOf(process.pid)).not.toBe(pid);
  });
});

/** Field 6 of the line, counted after the name, which may hold spaces: proc(5). */
async function sessionOf(pid: number): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[3]);
}
