import { chmod, cp, mkdir, readFile, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { isOddPath } from './cluster-directory.js';
import { runAs, type ClusterUser } from './cluster-user.js';
import { EmbeddedPostgresError } from './embedded-postgres.errors.js';

/** The programs of a PostgreSQL that runs here. */
export interface PostgresBinaries {
  initdb: string;
  pgCtl: string;
  /** Such as `18.4`. */
  serverVersion: string;
}

/**
 * Finds the PostgreSQL that came with the package `embedded-postgres`, and makes it run for that user.
 *
 * Only the package of this platform below it is used, which is nothing but binaries: importing
 * `embedded-postgres` itself installs an exit hook that ends the process at the first SIGINT, in the middle
 * of a drain; and its `initialise` writes the password to a file in /tmp that everybody may read.
 *
 * Two things are mended on the way. The package links its shared libraries in an install script, which npm
 * may be told not to run. And the user that root gives to PostgreSQL may not be able to enter `node_modules`
 * (a clone in /root): then a copy of it is run.
 *
 * @param stagingDirectory takes that copy, about 60 MB, as `binaries-<version>`; must exist
 * @param packageRoot folder of the platform's package; found by itself
 * @throws EmbeddedPostgresError when there is none for this platform, or it does not run here
 */
export async function usableBinaries(
  user: ClusterUser | undefined,
  stagingDirectory: string,
  packageRoot = locatePackage(),
): Promise<PostgresBinaries> {
  const candidates = [
    async () => packageRoot,
    async () => {
      // A node_modules that may not be written shows as failing again.
      await linkLibraries(packageRoot).catch(() => undefined);
      return packageRoot;
    },
    () => stagedCopy(packageRoot, stagingDirectory),
  ];
  const failures: string[] = [];
  for (const candidate of candidates) {
    const attempt = await tryBinaries(await candidate(), user);
    if (attempt.binaries) return attempt.binaries;
    failures.push(attempt.failure);
  }
  throw new EmbeddedPostgresError(
    `The PostgreSQL in ${packageRoot} does not run on this machine: ${failures.at(-1)}. Set DATABASE_URL to use a server of your own.`,
  );
}

/**
 * Folder of the package that holds the binaries for this platform, found as `embedded-postgres` would.
 * @throws EmbeddedPostgresError when it is not installed
 */
export function locatePackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const library = createRequire(import.meta.url).resolve('embedded-postgres');
    return resolve(dirname(createRequire(library).resolve(name)), '..');
  } catch {
    throw new EmbeddedPostgresError(
      `There is no embedded PostgreSQL here: the package ${name} is not installed. Run npm ci without --omit=optional or --omit=dev; if it does not exist for this platform, set DATABASE_URL.`,
    );
  }
}

/** Nothing but running it tells all of: may be entered, may be executed, finds its libraries. */
async function tryBinaries(
  packageRoot: string,
  user: ClusterUser | undefined,
): Promise<{ binaries: PostgresBinaries } | { binaries?: undefined; failure: string }> {
  const folder = join(packageRoot, 'native', 'bin');
  if (isOddPath(folder)) return { failure: `its path has a character that pg_ctl cannot take: ${folder}` };
  try {
    const { code, output } = await runAs(user, join(folder, 'postgres'), ['--version']);
    const serverVersion = /PostgreSQL\) (\d+(\.\d+)?)/.exec(output)?.[1];
    if (code !== 0 || !serverVersion) return { failure: output.trim() || `it ended with code ${code}` };
    return { binaries: { initdb: join(folder, 'initdb'), pgCtl: join(folder, 'pg_ctl'), serverVersion } };
  } catch (error) {
    return { failure: (error as Error).message };
  }
}

/** What the package's own install script does: links as listed in `native/pg-symlinks.json`. */
async function linkLibraries(packageRoot: string): Promise<void> {
  const list = join(packageRoot, 'native', 'pg-symlinks.json');
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    await symlink(relative(dirname(target), source), join(packageRoot, target)).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
  }
}

/** The copy has its name only once it is complete, so that one cut short is never run. */
async function stagedCopy(packageRoot: string, stagingDirectory: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(stagingDirectory, `binaries-${version}`);
  if (await stat(copy).catch(() => undefined)) return copy;
  const partial = `${copy}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial);
  // Links stay as they are: by default `cp` makes them point at the original.
  await cp(join(packageRoot, 'native'), join(partial, 'native'), { recursive: true, verbatimSymlinks: true });
  await openToAll(partial);
  await linkLibraries(partial);
  await rename(partial, copy);
  return copy;
}

/** Modes were copied too: of what was installed under umask 077, nobody but root may read anything. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const isProgram = entry.parentPath.endsWith('bin');
    if (entry.isDirectory() || entry.isFile()) {
      await chmod(path, entry.isDirectory() || isProgram ? 0o755 : 0o644);
    }
  }
}
