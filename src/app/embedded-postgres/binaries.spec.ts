import { describe, expect, it } from '@jest/globals';
import { chmod, chown, cp, lstat, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { itWith } from '../../../test/support/needs.js';
import { ORDINARY_USER, outputAsOrdinaryUser } from '../../../test/support/ordinary-user.js';
import { postgresWorkbench } from '../../../test/support/postgres-workbench.js';
import { locatePackage, usableBinaries } from './binaries.js';
import { runAs, userOfCluster } from './cluster-user.js';
import { EmbeddedPostgresError } from './embedded-postgres.errors.js';

const PACKAGE = locatePackage();
const MODULE = new URL('./binaries.ts', import.meta.url).href;

describe('usableBinaries', () => {
  const workbench = postgresWorkbench();
  const self = async () => userOfCluster('/nowhere');

  /** A copy of the package, as it is before its install script has made the links. */
  const freshPackage = async () => {
    const copy = join(await workbench.directory(), 'package');
    await cp(PACKAGE, copy, { recursive: true, verbatimSymlinks: true });
    for (const link of await links(copy)) await rm(link, { force: true });
    return copy;
  };

  it('are those of the package when they run there', async () => {
    const staging = await workbench.directory();
    const binaries = await usableBinaries(await self(), staging);
    expect(dirname(binaries.initdb)).toBe(join(PACKAGE, 'native', 'bin'));
    expect(binaries.serverVersion).toMatch(/^\d+\.\d+$/);
    expect(await readdir(staging)).toEqual([]);
  });

  it('run although npm was told to run no install scripts: the links are made', async () => {
    const [copy, staging] = [await freshPackage(), await workbench.directory()];
    const binaries = await usableBinaries(await self(), staging, copy);
    expect(dirname(binaries.initdb)).toBe(join(copy, 'native', 'bin'));
    for (const link of await links(copy)) expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readdir(staging)).toEqual([]);
  });

  itWith('root', 'are copied when the user of PostgreSQL may not enter node_modules', async () => {
    const [copy, staging] = [await freshPackage(), await workbench.directory()];
    await closeToOthers(copy);
    const binaries = await usableBinaries(await self(), staging, copy);
    expect(binaries.initdb.startsWith(join(staging, 'binaries-'))).toBe(true);
    expect((await runAs(await self(), binaries.initdb, ['--version'])).code).toBe(0);

    const before = await stat(binaries.initdb);
    expect(await usableBinaries(await self(), staging, copy)).toEqual(binaries);
    expect((await stat(binaries.initdb)).ino).toBe(before.ino);
  });

  itWith('root', 'are copied again when a copy was cut short', async () => {
    const [copy, staging] = [await freshPackage(), await workbench.directory()];
    await closeToOthers(copy);
    const { version } = JSON.parse(await readFile(join(copy, 'package.json'), 'utf8')) as { version: string };
    await mkdir(join(staging, `binaries-${version}.partial`, 'native', 'bin'), { recursive: true });

    const { initdb } = await usableBinaries(await self(), staging, copy);
    expect((await runAs(await self(), initdb, ['--version'])).code).toBe(0);
    expect(await readdir(staging)).toEqual([`binaries-${version}`]);
  });

  itWith(
    'ordinary user',
    'are copied when the links are missing and node_modules may not be written',
    async () => {
      const [copy, staging] = [await freshPackage(), await workbench.directory()];
      await chmod(join(copy, 'native', 'lib'), 0o555);
      if (ORDINARY_USER?.uid) await chown(staging, ORDINARY_USER.uid, -1);

      const output = await outputAsOrdinaryUser(`
        const { usableBinaries } = await import(${JSON.stringify(MODULE)});
        const { initdb } = await usableBinaries(undefined, ${JSON.stringify(staging)}, ${JSON.stringify(copy)});
        console.log(initdb);`);
      expect(output.startsWith(join(staging, 'binaries-'))).toBe(true);
      await chmod(join(copy, 'native', 'lib'), 0o755);
    },
  );

  it('are an error with the reason and a way out when they do not run on this machine', async () => {
    const [copy, staging] = [await freshPackage(), await workbench.directory()];
    await writeFile(
      join(copy, 'native', 'bin', 'postgres'),
      '#!/bin/sh\necho GLIBC_2.99 not found\nexit 1\n',
    );
    const failure = usableBinaries(await self(), staging, copy);
    await expect(failure).rejects.toThrow(EmbeddedPostgresError);
    await expect(failure).rejects.toThrow(/does not run on this machine: GLIBC_2.99 not found.*DATABASE_URL/);
  });
});

async function links(packageRoot: string): Promise<string[]> {
  const list = await readFile(join(packageRoot, 'native', 'pg-symlinks.json'), 'utf8');
  return (JSON.parse(list) as { target: string }[]).map(({ target }) => join(packageRoot, target));
}

/** As after `npm ci` under umask 077. */
async function closeToOthers(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isSymbolicLink()) await chmod(path, (await stat(path)).mode & 0o700);
  }
  await chmod(directory, 0o700);
}
