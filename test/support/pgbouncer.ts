import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer, type AddressInfo } from 'node:net';
import pg from 'pg';
import { eventually } from './eventually.js';
import { ORDINARY_USER } from './ordinary-user.js';
import { PGBOUNCER } from './parts.js';

/** A PgBouncer before a PostgreSQL, in transaction mode: every transaction may come to another session. */
export interface PgBouncer {
  /** Leads through it. */
  url: string;
  stop(): Promise<void>;
}

/**
 * @param directory for its configuration; empty, and open to every user, as it refuses to run as root
 * @param url of the database
 */
export async function startPgBouncer(directory: string, url: string): Promise<PgBouncer> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const listen = await freePort();
  const own = join(directory, 'pgbouncer');
  const file = join(own, 'pgbouncer.ini');
  await mkdir(own);
  // What it leaves out is as the package has it: so no start-up parameter is ignored.
  await writeFile(
    file,
    `[databases]
${pathname.slice(1)} = host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 8
`,
    { mode: 0o600 },
  );
  const { uid, gid } = ORDINARY_USER ?? {};
  if (uid !== undefined && gid !== undefined) for (const path of [own, file]) await chown(path, uid, gid);
  const bouncer = spawn(PGBOUNCER, [file], { ...ORDINARY_USER, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [bouncer.stdout, bouncer.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const through = new URL(url);
  through.host = `127.0.0.1:${listen}`;
  try {
    await eventually(() => answers(through.href, bouncer), 20_000);
  } catch {
    await end(bouncer);
    throw new Error(`PgBouncer does not answer:\n${output}`);
  }
  return { url: through.href, stop: () => end(bouncer) };
}

async function answers(url: string, { exitCode }: ChildProcess): Promise<boolean> {
  if (exitCode !== null) throw new Error(`it ended with code ${exitCode}`);
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function end(bouncer: ChildProcess): Promise<void> {
  if (bouncer.exitCode !== null || bouncer.signalCode !== null) return;
  const ended = once(bouncer, 'exit');
  bouncer.kill('SIGTERM');
  await ended;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
