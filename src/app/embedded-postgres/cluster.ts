import { randomBytes } from 'node:crypto';
import { lchown, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type PostgresBinaries } from './binaries.js';
import { checkVersion, type ClusterFiles } from './cluster-directory.js';
import { makePassword, readPassword } from './cluster-password.js';
import { runAs, type ClusterUser } from './cluster-user.js';
import { EmbeddedPostgresError } from './embedded-postgres.errors.js';

/** A complete cluster on disk, and all that is needed to run it. */
export interface Cluster {
  files: ClusterFiles;
  user: ClusterUser | undefined;
  binaries: PostgresBinaries;
  /** Of the superuser `ctrlplane`. A secret. */
  password: string;
}

/** The only role; owns the database. */
export const SUPERUSER = 'ctrlplane';

/**
 * The cluster in that directory, made with `initdb` if there is none.
 *
 * initdb works in a directory of another name, which is renamed when it is complete: what a kill in the
 * middle leaves is thrown away by the next start.
 * @throws EmbeddedPostgresError when it was made by another major version, its password is lost, or initdb fails
 */
export async function openCluster(
  files: ClusterFiles,
  user: ClusterUser | undefined,
  binaries: PostgresBinaries,
): Promise<Cluster> {
  const exists = await checkVersion(files, binaries.serverVersion);
  const password =
    (await readPassword(files, user)) ?? (exists ? undefined : await makePassword(files, user));
  if (password === undefined) {
    throw new EmbeddedPostgresError(
      `The password of the database in ${files.data} is gone: bring back ${files.password}, or move ${files.directory} away to begin afresh.`,
    );
  }
  const cluster = { files, user, binaries, password };
  if (!exists) await initialise(cluster);
  return cluster;
}

async function initialise({ files, user, binaries }: Cluster): Promise<void> {
  for (const name of await readdir(files.directory)) {
    if (name.startsWith('data.partial-')) {
      await rm(join(files.directory, name), { recursive: true, force: true, maxRetries: 5 });
    }
  }
  // Never the same name twice: an initdb whose parent was killed may still be writing to the last one.
  const partial = `${files.data}.partial-${randomBytes(4).toString('hex')}`;
  await mkdir(partial, { mode: 0o700 });
  if (user) await lchown(partial, user.uid, user.gid);
  const { code, output } = await runAs(user, binaries.initdb, [
    `--pgdata=${partial}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${files.password}`,
    '--auth=scram-sha-256',
    // The same order of texts on every machine, whichever locales it has.
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
  ]);
  if (code !== 0) {
    await rm(partial, { recursive: true, force: true });
    throw new EmbeddedPostgresError(
      `Could not make a database in ${files.data}: initdb ended with code ${code}.\n${output.trim()}`,
    );
  }
  await rename(partial, files.data);
}
