import { describe, expect, it } from '@jest/globals';
import { chmod, chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { itWith } from '../../../test/support/needs.js';
import { ORDINARY_USER } from '../../../test/support/ordinary-user.js';
import { postgresWorkbench } from '../../../test/support/postgres-workbench.js';
import { UnusableDirectoryError } from '../data-directory/index.js';
import { startEmbeddedPostgres } from './index.js';

const isRoot = process.getuid?.() === 0;

describe('a directory in which PostgreSQL cannot live is refused', () => {
  const workbench = postgresWorkbench();

  /** Tries to start in `path`, and makes sure that nothing was created there. */
  const refusal = async (root: string, ...path: string[]) => {
    const before = await readdir(root);
    const error = await startEmbeddedPostgres({ directory: join(root, ...path) }).catch((e: unknown) => e);
    expect(await readdir(root)).toEqual(before);
    expect(error).toBeInstanceOf(UnusableDirectoryError);
    return (error as Error).message;
  };

  it('when a file stands in the way', async () => {
    const root = await workbench.directory();
    await writeFile(join(root, 'data'), '');
    expect(await refusal(root, 'data', 'postgres')).toContain(`${join(root, 'data')} is not a directory`);
  });

  it.each(['with "quotes"', 'with $HOME', 'with `id`', 'back\\slash', 'two\nlines', 'long'.repeat(230)])(
    'when pg_ctl could not take its path: %j',
    async (name) => {
      expect(await refusal(await workbench.directory(), name)).toContain('Set DATA_DIR to a plainer path');
    },
  );

  it('when there is something else than a cluster in its place', async () => {
    const root = await workbench.directory();
    await mkdir(join(root, 'data'));
    await writeFile(join(root, 'data', 'mine.txt'), '');
    if (isRoot) await chown(join(root, 'data'), 65_534, 65_534);
    expect(await refusal(root)).toContain(`${join(root, 'data')} is there and is not a PostgreSQL cluster`);
  });

  itWith('root', 'as root, when the user of PostgreSQL may not pass through a parent', async () => {
    const root = await workbench.directory();
    const closed = join(root, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const message = await refusal(root, 'closed', 'postgres');
    expect(message).toContain(`${closed} may not be entered by the user postgres`);
    expect(message).toContain(`chmod o+x ${closed}`);
  });

  itWith('root', 'as root, when the cluster belongs to root', async () => {
    const directory = await workbench.directory();
    await mkdir(join(directory, 'data'));
    await expect(startEmbeddedPostgres({ directory })).rejects.toThrow(/belongs to root.*chown -R postgres/);
  });

  itWith('ordinary user', 'when this user may not write there', async () => {
    const root = await workbench.directory();
    await chmod(root, 0o555);
    await expect(workbench.startInChild(join(root, 'postgres'), ORDINARY_USER)).rejects.toThrow(
      `${root} may not be written by this user`,
    );
  });
});
