import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.js';
import { ORDINARY_USER } from './ordinary-user.js';
import { POSTGRES_15 } from './parts.js';
import { query } from './query.js';

/** Starts a new PostgreSQL 15 of Debian; `stop` removes it. */
export async function startPostgres15(): Promise<{ url: string; stop(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'postgres-15-'));
  // It refuses to run as root.
  const { uid, gid } = ORDINARY_USER ?? {};
  const owner = { uid, gid };
  if (uid !== undefined && gid !== undefined) await chown(directory, uid, gid);
  await chmod(directory, 0o700);
  const data = join(directory, 'data');
  await promisify(execFile)(
    join(POSTGRES_15, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
    { ...owner, cwd: directory },
  );
  const port = await freePort();
  const settings = [
    'fsync=off',
    'synchronous_commit=off',
    'full_page_writes=off',
    'listen_addresses=127.0.0.1',
  ];
  const server = spawn(
    join(POSTGRES_15, 'postgres'),
    ['-D', data, '-p', String(port), '-k', '', ...settings.flatMap((setting) => ['-c', setting])],
    { ...owner, cwd: directory, stdio: 'ignore' },
  );
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await eventually(() =>
    query(url, 'SELECT 1').then(
      () => true,
      () => false,
    ),
  );
  return {
    url,
    stop: async () => {
      const ended = once(server, 'exit');
      server.kill('SIGINT');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
