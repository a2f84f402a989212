import { rm } from 'node:fs/promises';
import { type Cluster } from './cluster.js';
import { EmbeddedPostgresError, WrongPasswordError } from './embedded-postgres.errors.js';
import { stopOrKill, stopServer } from './server.js';
import { askServer, isRefusedPassword, type ServerAnswer } from './server-connection.js';
import { pidFile, readServerProcess, whoHas, type ServerProcess } from './server-process.js';
import { sleep } from '../../core/timing/timer.js';

/** Milliseconds for a server that is silent, and for one that says it is starting or stopping. */
const SILENCE = 5_000;
const RECOVERY = 120_000;

const CANNOT_CONNECT_NOW = '57P03';

/**
 * The server that an app left behind when it was killed, if it still serves this cluster; else undefined,
 * and then none runs: one that hangs or is of another version than ours has been stopped.
 *
 * Whatever the pid file says, only the answer to a query proves that it is the server of this directory.
 * @throws WrongPasswordError when it is ours and does not let us in
 * @throws EmbeddedPostgresError when a PostgreSQL has that pid of which nothing tells whether it is ours
 */
export async function adoptServer(
  cluster: Cluster,
  log: (message: string) => void,
): Promise<ServerProcess | undefined> {
  const { files, binaries } = cluster;
  const left = await readServerProcess(files);
  if (!left) return undefined;
  const holder = await whoHas(left.pid, files);
  if (holder === 'nothing') return undefined;
  if (holder === 'other') {
    // PostgreSQL would take it for a server if it belongs to the same user, and refuse to start. (Of a server
    // in another container on this directory neither it nor we could know: pids are not the same there.)
    await rm(pidFile(files.data), { force: true });
    return undefined;
  }
  const answer = await answerOf(cluster, left);
  if (answer === 'ended') return undefined;
  if (!(answer instanceof Error) && answer.ours) {
    if (answer.version === binaries.serverVersion) return left;
    log(
      `PostgreSQL ${answer.version} was left running (process ${left.pid}); replacing it by ${binaries.serverVersion}`,
    );
    await stopServer(cluster, left);
    return undefined;
  }
  if (isRefusedPassword(answer) && holder === 'server') throw new WrongPasswordError(files);
  if (holder !== 'server') {
    throw new EmbeddedPostgresError(
      `${pidFile(files.data)} names process ${left.pid} as the server of this database. That is a PostgreSQL, but does not answer as this one. If it serves another directory remove that file, else stop it.`,
    );
  }
  log(`PostgreSQL was left running (process ${left.pid}) and does not answer; starting it anew`);
  await stopOrKill(cluster, left, log);
  return undefined;
}

/** Waits for an answer as long as there is hope for one; the error is the last try's. */
async function answerOf(
  cluster: Cluster,
  { pid, port }: ServerProcess,
): Promise<ServerAnswer | Error | 'ended'> {
  const begin = Date.now();
  for (;;) {
    try {
      return await askServer(cluster, port);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const patience = code === CANNOT_CONNECT_NOW ? RECOVERY : SILENCE;
      if (isRefusedPassword(error) || Date.now() - begin > patience) return error as Error;
    }
    if ((await whoHas(pid, cluster.files)) === 'nothing') return 'ended';
    await sleep(100);
  }
}
