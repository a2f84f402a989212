import { createServer, type AddressInfo } from 'node:net';
import {
  isAlive,
  type ProcessIdentity,
  readProcessIdentity,
} from '../../modules/providers/process/process-identity.js';
import { pollUntil } from '../../modules/providers/waiting.js';
import { type Cluster } from './cluster.js';
import { type ClusterFiles } from './cluster-directory.js';
import { runAs } from './cluster-user.js';
import { EmbeddedPostgresError, PostgresServerError } from './embedded-postgres.errors.js';
import { ServerLog } from './server-log.js';
import { childrenOf, readServerProcess, whoHas, type ServerProcess } from './server-process.js';

/** Values of `postgresql.conf`, such as `{ fsync: 'off' }`; letters, digits and `._-` only. */
export type ServerSettings = Readonly<Record<string, string | number>>;

/** Seconds. Recovery after a crash comes before the first connection, and may take its time. */
const START_TIMEOUT = 120;
/** Milliseconds. */
const STOP_TIMEOUT = 60_000;
/** Of one that hangs. */
const HANGING = 5_000;

/** Reached by TCP on the loopback interface only, with the password. */
const DEFAULTS: ServerSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  cluster_name: 'ctrlplane-workers',
};

/**
 * Starts the server on that port, or on a free one, in a session of its own (pg_ctl sees to that), so that a terminal's
 * Ctrl-C leaves it to be stopped by us after the drain.
 * @throws PostgresServerError with the end of the log when it does not come up
 */
export async function startServer(
  cluster: Cluster,
  settings: ServerSettings = {},
  port?: number,
): Promise<ServerProcess> {
  const { files, user, binaries } = cluster;
  const options = serverOptions(port ?? (await freePort()), settings);
  const log = await ServerLog.open(files.log, user);
  try {
    const { code } = await runAs(
      user,
      binaries.pgCtl,
      ['start', '-w', '-t', String(START_TIMEOUT), '-D', files.data, '-o', options],
      log.fd,
    );
    const started = code === 0 ? await readServerProcess(files) : undefined;
    if (started) return started;
    throw new PostgresServerError('PostgreSQL did not start.', files.log, await log.lastLines());
  } finally {
    await log.close();
  }
}

/**
 * Stops the server as `pg_ctl -m fast stop` does: sessions are ended, everything is written. Already gone is
 * success. By its pid, and not by that command, which returns when the pid file is gone, a moment before the
 * process is, and which cannot stop the server of a directory that somebody has removed.
 * @param timeout milliseconds
 * @throws PostgresServerError if it is still there then
 */
export async function stopServer(
  { files, user, binaries }: Cluster,
  { pid }: ServerProcess,
  timeout = STOP_TIMEOUT,
): Promise<void> {
  const identity = readProcessIdentity(pid);
  if (!identity || !['server', 'postgres'].includes(await whoHas(pid, files))) return;
  await runAs(user, binaries.pgCtl, ['kill', 'INT', String(pid)]);
  await haveEnded([identity], timeout, files);
}

/**
 * Ends one that hangs, by SIGKILL if it comes to that: PostgreSQL is made to survive it, and the next start recovers from its
 * log. Its processes are killed with it, since those that are frozen would not notice, and keep the next server from starting.
 * One that writes to the disk ends when that is done: with other programs that write, more than 5 s after the kill.
 * @throws PostgresServerError if one of them is still there after a minute
 */
export async function stopOrKill(
  cluster: Cluster,
  server: ServerProcess,
  log: (message: string) => void,
): Promise<void> {
  try {
    await stopServer(cluster, server, HANGING);
  } catch {
    const main = readProcessIdentity(server.pid);
    if (!main) return;
    log(
      `PostgreSQL (process ${server.pid}) hangs and does not stop: it is killed, and recovers at the next start`,
    );
    const all = [main, ...(await childrenOf(server.pid))];
    for (const { pid } of all.filter(isAlive)) killIfThere(pid);
    await haveEnded(all, STOP_TIMEOUT, cluster.files);
  }
}

/** Waits until all of them have ended. The first one is the server. */
async function haveEnded(
  processes: ProcessIdentity[],
  timeout: number,
  { log }: ClusterFiles,
): Promise<void> {
  if (await pollUntil(() => !processes.some(isAlive), timeout)) return;
  throw new PostgresServerError(`PostgreSQL (process ${processes[0]!.pid}) did not stop.`, log, []);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function serverOptions(port: number, settings: ServerSettings): string {
  const all = Object.entries({ ...DEFAULTS, ...settings });
  for (const [name, value] of all) {
    // pg_ctl hands them to a shell.
    if (!/^[a-z_.]+$/.test(name) || !/^[\w.-]*$/.test(String(value))) {
      throw new EmbeddedPostgresError(
        `The setting ${JSON.stringify(name)} = ${JSON.stringify(value)} cannot be passed to PostgreSQL: letters, digits and ._- only.`,
      );
    }
  }
  return [`-p ${port}`, ...all.map(([name, value]) => `-c ${name}=${value}`)].join(' ');
}

/** One that nobody listens on right now; somebody else may be quicker to take it. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
