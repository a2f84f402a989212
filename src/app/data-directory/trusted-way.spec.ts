import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWith } from '../../../test/support/needs.js';
import { temporaryDirectories } from '../../../test/support/temporary-directory.js';
import { requireTrustedPath } from './trusted-path.js';

const TRUSTED_PATH = new URL('./trusted-path.ts', import.meta.url).href;
const REPOSITORY = new URL('../../../', import.meta.url).pathname;

const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' }).toString();

describeWith('root', 'The way to a data directory', () => {
  const temporary = temporaryDirectories();
  const suffix = `${process.pid}`;
  /** Two in a group that both have, one in a group of its own. */
  const users = { ann: `cw-ann-${suffix}`, bob: `cw-bob-${suffix}`, cat: `cw-cat-${suffix}` };
  const shared = `cw-all-${suffix}`;
  let directory: string;
  let gid: Record<keyof typeof users, number>;
  let uid: Record<keyof typeof users, number>;

  beforeAll(() => {
    run('groupadd', shared);
    for (const name of [users.ann, users.bob]) run('useradd', '-M', '-N', '-g', shared, name);
    run('useradd', '-M', '-U', users.cat);
    const ids = (option: string) =>
      Object.fromEntries(Object.entries(users).map(([key, name]) => [key, Number(run('id', option, name))]));
    uid = ids('-u') as typeof uid;
    gid = ids('-g') as typeof gid;
  });
  afterAll(() => {
    for (const name of Object.values(users)) run('userdel', name);
    run('groupdel', shared);
  });
  beforeEach(async () => {
    directory = await temporary();
    await mkdir(join(directory, 'target', 'inner'), { recursive: true });
    await mkdir(join(directory, 'sticky'));
    await chmod(join(directory, 'sticky'), 0o1777);
  });

  const as = (user: keyof typeof users, script: string) =>
    execFileSync('/bin/sh', ['-c', `umask 022; ${script}`], {
      cwd: directory,
      uid: uid[user],
      gid: gid[user],
    });
  const link = (target: string, path: string) => symlink(target, join(directory, path));
  const refusal = (reason: RegExp) =>
    expect.objectContaining({ name: 'UnusableDirectoryError', reason: expect.stringMatching(reason) });
  const trust = (path: string) => requireTrustedPath(join(directory, path));
  /** What that user finds, of the same path. */
  const trustAs = (user: keyof typeof users, path: string) => {
    const source = `const { requireTrustedPath } = await import(${JSON.stringify(TRUSTED_PATH)});
      await requireTrustedPath(${JSON.stringify(join(directory, path))}).then(() => console.log('trusted'), (error) => console.log(error.reason));`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', source];
    const env = { ...process.env, NODE_OPTIONS: '', HOME: '/' };
    return execFileSync(process.execPath, args, { cwd: REPOSITORY, env, uid: uid[user], gid: gid[user] })
      .toString()
      .trim();
  };

  it('may lead through links of root, chained, relative, and with .. behind a link', async () => {
    await link('target', 'relative');
    await link(join(directory, 'relative'), 'absolute');
    await link('absolute/inner/../inner', 'back');
    for (const path of ['relative', 'absolute', 'back', 'back/data', 'back/missing/data'])
      await expect(trust(path)).resolves.toBeUndefined();
  });

  it('may not lead through a link of another user that a link of root leads to', async () => {
    as('ann', `ln -s ${directory}/target sticky/theirs`);
    await link(join(directory, 'sticky/theirs'), 'absolute');
    await link('sticky/theirs/inner', 'relative');
    await link('relative', 'chain');
    await link('sticky/../sticky/theirs', 'back');
    for (const path of ['sticky/theirs', 'absolute', 'relative', 'chain', 'chain/data', 'back/inner'])
      await expect(trust(path)).rejects.toEqual(refusal(/sticky\/theirs belongs to the user with id \d+/));
  });

  it('may not come back by .. from a directory of another user', async () => {
    as('ann', 'mkdir sticky/theirs');
    await link('sticky/theirs/../../target', 'back');
    await expect(trust('back')).rejects.toEqual(refusal(/sticky\/theirs belongs to/));
  });

  it('is told where links lead in a circle', async () => {
    await link('two', 'one');
    await link('one', 'two');
    await expect(trust('one/data')).rejects.toEqual(refusal(/is one link of a circle/));
  });

  it('may not be writable by a group that others have too, be it the primary one of this user', async () => {
    await chmod(directory, 0o1777);
    as('ann', 'mkdir -m 775 of-ann');
    as('cat', 'mkdir -m 775 of-cat');
    expect(trustAs('ann', 'of-ann/data')).toMatch(/of-ann may be written by other users/);
    expect(trustAs('cat', 'of-cat/data')).toBe('trusted');
    run('usermod', '-a', '-G', users.cat, users.bob);
    expect(trustAs('cat', 'of-cat/data')).toMatch(/of-cat may be written by other users/);
    run('gpasswd', '-d', users.bob, users.cat);
    run('chmod', '755', join(directory, 'of-ann'));
    expect(trustAs('ann', 'of-ann/data')).toBe('trusted');
  });
});
