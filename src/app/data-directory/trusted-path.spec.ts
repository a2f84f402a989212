import { beforeEach, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWith } from '../../../test/support/needs.js';
import { temporaryDirectories } from '../../../test/support/temporary-directory.js';
import { startEmbeddedPostgres } from '../embedded-postgres/index.js';
import { openResources } from '../resources.js';
import { loadAppConfig } from '../config/app-config.js';
import { openDataDirectory } from './index.js';
import { UnusableDirectoryError } from './data-directory.errors.js';

/** An ordinary user, as whom the attacker's commands are run. */
const ATTACKER = 65_534;

describeWith('root', 'A data directory that another user has prepared for root', () => {
  const temporary = temporaryDirectories();
  /** One in which everybody may make things, and nobody remove another's, such as /tmp. */
  let shared: string;
  /** What the attacker would like root to overwrite or to give away. */
  let treasure: string;

  beforeEach(async () => {
    const directory = await temporary();
    shared = join(directory, 'shared');
    await mkdir(shared);
    await chmod(shared, 0o1777);
    treasure = join(directory, 'treasure');
    await writeFile(treasure, 'root only', { mode: 0o600 });
  });

  const asAttacker = (script: string) =>
    execFileSync('/bin/sh', ['-c', script], { cwd: shared, uid: ATTACKER, gid: ATTACKER });
  const refusal = (reason: RegExp) =>
    expect.objectContaining({ name: 'UnusableDirectoryError', reason: expect.stringMatching(reason) });
  const start = (DATA_DIR: string) => openResources(loadAppConfig({ DATA_DIR }), () => undefined);

  async function expectUntouched(): Promise<void> {
    expect(await readFile(treasure, 'utf8')).toBe('root only');
    expect(await stat(treasure)).toMatchObject({ uid: 0, mode: 0o100_600 });
  }

  it('is refused, with nothing of it followed, written or given away', async () => {
    asAttacker(`
      mkdir -p data/postgres data/instances
      for n in $(seq 1 50); do ln -s ${treasure} data/postgres.url.$n; done
      ln -s ${treasure} data/postgres.url
      ln -s ${treasure} data/postgres/server.log
      echo hunter2 >data/postgres/password`);
    const before = await readdir(join(shared, 'data'));
    await expect(start(join(shared, 'data'))).rejects.toEqual(
      refusal(/data belongs to the user with id 65534/),
    );
    expect(await readdir(join(shared, 'data'))).toEqual(before);
    await expectUntouched();
  });

  it('is refused below a directory of theirs, and behind a link of theirs', async () => {
    asAttacker('mkdir -m 777 theirs; mkdir link-target; ln -s / link');
    await mkdir(join(shared, 'theirs', 'data'));
    await expect(start(join(shared, 'theirs', 'data'))).rejects.toEqual(refusal(/theirs belongs to/));
    await expect(start(join(shared, 'link', 'opt', 'data'))).rejects.toEqual(refusal(/link belongs to/));
  });

  it('is refused where everybody may put something in the place of something else', async () => {
    const open = join(shared, 'open');
    await mkdir(open);
    await chmod(open, 0o777);
    await expect(start(join(open, 'data'))).rejects.toEqual(refusal(/open may be written by other users/));
    const own = join(shared, 'own');
    await mkdir(own);
    await chown(own, 0, ATTACKER);
    await chmod(own, 0o775);
    await expect(openDataDirectory(own)).rejects.toEqual(refusal(/own may be written by other users/));
    await chmod(own, 0o755);
    await (await openDataDirectory(own)).release();
  });

  it.each([
    ['a directory for the database', 'data/postgres', 'mkdir', /postgres belongs to the user/],
    ['one for the instances', 'data/instances', 'mkdir', /instances belongs to the user/],
    ['a password', 'data/postgres/password', 'echo hunter2 >', /password belongs to the user/],
    ['a log that is a link', 'data/postgres/server.log', 'ln -s TREASURE', /server\.log is not a plain file/],
  ])('is refused with %s of theirs in it, from when it was open to all', async (_, path, make, reason) => {
    const data = join(shared, 'data');
    for (const directory of [data, ...(path.split('/').length > 2 ? [join(data, 'postgres')] : [])]) {
      await mkdir(directory);
      await chmod(directory, 0o777);
    }
    asAttacker(`${make.replace('TREASURE', treasure)} ${path}`);
    await chmod(data, 0o755);
    await chmod(join(data, 'postgres'), 0o755).catch(() => undefined);
    await expect(start(data)).rejects.toEqual(refusal(reason));
    await expectUntouched();
  });

  it('does not replace what is behind a link in the place of the file with the URL', async () => {
    const data = join(shared, 'data');
    await mkdir(data);
    await symlink(treasure, join(data, 'postgres.url'));
    const resources = await start(data);
    try {
      expect(await readFile(join(data, 'postgres.url'), 'utf8')).toMatch(/^postgres:/);
      expect((await stat(join(data, 'postgres.url'))).mode & 0o777).toBe(0o600);
    } finally {
      await resources.release();
    }
    await expectUntouched();
  });

  it('is refused by the embedded PostgreSQL as well', async () => {
    asAttacker('mkdir postgres');
    await expect(startEmbeddedPostgres({ directory: join(shared, 'postgres') })).rejects.toThrow(
      UnusableDirectoryError,
    );
  });
});
