import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UnusableDirectoryError } from '../data-directory/data-directory.errors.js';
import { requireOwned } from '../data-directory/trusted-path.js';
import { checkDirectory } from '../data-directory/usable-directory.js';
import { runAs, type ClusterUser } from './cluster-user.js';
import { EmbeddedPostgresError } from './embedded-postgres.errors.js';

/** Where things are in the directory of an embedded PostgreSQL. Only `data` belongs to the cluster's user. */
export interface ClusterFiles {
  directory: string;
  /** The cluster itself. It has this name only once it is complete. */
  data: string;
  /** The password of the superuser, mode 0600. */
  password: string;
  /** What the server wrote since it was started, mode 0600; the one of the start before ends in `.1`. */
  log: string;
}

export function clusterFiles(directory: string): ClusterFiles {
  return {
    directory,
    data: join(directory, 'data'),
    password: join(directory, 'password'),
    log: join(directory, 'server.log'),
  };
}

/** PostgreSQL cuts paths at 1024 bytes without a word, and appends names of its own. */
const LONGEST_PATH = 900;

/**
 * pg_ctl puts paths into a shell command between double quotes, where these keep their meaning.
 * Everything else works: spaces, single quotes, any alphabet.
 */
const MEANT_FOR_A_SHELL = /["$`\\\r\n]/;

/**
 * Makes sure, before anything is created, that the cluster can live there.
 * @throws UnusableDirectoryError that names the path at fault
 */
export async function checkClusterDirectory(
  { directory, data, log }: ClusterFiles,
  user: ClusterUser | undefined,
): Promise<void> {
  if (isOddPath(directory)) {
    throw new UnusableDirectoryError(
      directory,
      'PostgreSQL cannot be started on a path that is that long, or has a line break or one of " $ ` \\ in it',
      'Set DATA_DIR to a plainer path',
    );
  }
  const existing = await checkDirectory(directory);
  const closed = user && (await firstClosedTo(user, existing));
  if (user && closed) {
    throw new UnusableDirectoryError(
      directory,
      `${closed} may not be entered by the user ${user.name}, as whom PostgreSQL has to run since this is root`,
      `Allow it (chmod o+x ${closed}), or set DATA_DIR to a directory elsewhere, such as /var/lib/ctrlplane-workers`,
    );
  }
  for (const [path, kind] of [
    [directory, 'directory'],
    [log, 'file'],
  ] as const)
    await requireOwned(directory, path, kind, kind === 'file' && user ? [user.uid] : []);
  if (existing.includes(directory)) await checkIsCluster(directory, data);
}

/** Whether pg_ctl would fail on that path, or worse, run a part of it. */
export function isOddPath(path: string): boolean {
  return MEANT_FOR_A_SHELL.test(path) || Buffer.byteLength(path) > LONGEST_PATH;
}

/**
 * Whether there is a cluster.
 * @throws EmbeddedPostgresError if PostgreSQL of another major version made it
 */
export async function checkVersion({ data }: ClusterFiles, serverVersion: string): Promise<boolean> {
  const made = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (made === undefined) return false;
  const major = serverVersion.split('.')[0];
  if (made.trim() !== major) {
    throw new EmbeddedPostgresError(
      `The database in ${data} was made by PostgreSQL ${made.trim()}, and the embedded one is ${major}: it cannot read it. Carry it over with pg_dump of version ${made.trim()}, or move the directory away to begin afresh.`,
    );
  }
  return true;
}

async function checkIsCluster(directory: string, data: string): Promise<void> {
  const entries = await readdir(data).catch((error: NodeJS.ErrnoException) => error.code);
  if (entries === 'ENOENT' || (Array.isArray(entries) && entries.includes('PG_VERSION'))) return;
  throw new UnusableDirectoryError(
    directory,
    `${data} is there and is not a PostgreSQL cluster`,
    'Move it away, or set DATA_DIR to a directory elsewhere',
  );
}

/** Asked of the system by trying it as that user: modes alone would miss access lists. */
async function firstClosedTo(user: ClusterUser, directories: string[]): Promise<string | undefined> {
  const script = 'for d do test -x "$d" || { printf %s "$d"; exit 1; }; done';
  const { code, output } = await runAs(user, '/bin/sh', ['-c', script, 'sh', ...directories]);
  return code === 0 ? undefined : output;
}
