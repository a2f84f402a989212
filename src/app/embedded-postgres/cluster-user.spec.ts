import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { chown, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { itWith } from '../../../test/support/needs.js';
import { ORDINARY_USER } from '../../../test/support/ordinary-user.js';
import { postgresWorkbench } from '../../../test/support/postgres-workbench.js';
import { startEmbeddedPostgres } from './index.js';
import { runAs } from './cluster-user.js';

const isRoot = process.getuid?.() === 0;

describe('the user that PostgreSQL runs as', () => {
  const workbench = postgresWorkbench();

  itWith('root', 'is postgres when the app runs as root', async () => {
    const directory = await workbench.directory();
    const server = await startEmbeddedPostgres({ directory });
    const { output } = await runAs(undefined, 'id', ['-u', 'postgres']);
    expect((await stat(`/proc/${server.pid}`)).uid).toBe(Number(output));
    await server.stop();
  });

  itWith('ordinary user', 'is the user of the app when that is an ordinary one', async () => {
    const directory = await directoryOf(ORDINARY_USER?.uid);
    const { app, pid } = await workbench.startInChild(directory, ORDINARY_USER);
    expect((await stat(join(directory, 'data'))).uid).toBe((await stat(directory)).uid);
    const exit = once(app, 'exit');
    app.kill('SIGKILL');
    await exit;

    const again = await workbench.startInChild(directory, ORDINARY_USER);
    expect(again).toMatchObject({ pid, adopted: true });
  });

  itWith(
    isRoot ? 'ordinary user' : 'root',
    'is not root’s to choose where an ordinary user has made the directory: they would be root by what is in it',
    async () => {
      const directory = await directoryOf(ORDINARY_USER?.uid);
      const { app, pid } = await workbench.startInChild(directory, ORDINARY_USER);
      app.kill('SIGKILL');
      await expect(startEmbeddedPostgres({ directory })).rejects.toThrow(/Start as that user/);
      expect(await workbench.startInChild(directory, ORDINARY_USER)).toMatchObject({ pid, adopted: true });
    },
  );

  itWith(
    isRoot ? 'ordinary user' : 'root',
    'is the owner of a cluster that root has taken over with its directory',
    async () => {
      const directory = await directoryOf(ORDINARY_USER?.uid);
      const { app } = await workbench.startInChild(directory, ORDINARY_USER);
      app.kill('SIGKILL');
      await chown(directory, 0, 0);
      const adopted = await startEmbeddedPostgres({ directory });
      await adopted.stop();
      const started = await startEmbeddedPostgres({ directory });
      expect((await stat(`/proc/${started.pid}`)).uid).toBe(ORDINARY_USER?.uid);
      await started.stop();
    },
  );

  itWith(isRoot ? 'ordinary user' : 'root', 'may not be another ordinary user', async () => {
    const directory = await workbench.cluster();
    const { uid } = await stat(join(directory, 'data'));
    await expect(workbench.startInChild(directory, ORDINARY_USER)).rejects.toThrow(
      `belongs to the user with id ${uid}, and this is ${ORDINARY_USER?.uid}`,
    );
  });

  async function directoryOf(uid: number | undefined): Promise<string> {
    const directory = await workbench.directory();
    if (uid !== undefined) await chown(directory, uid, uid);
    return directory;
  }
});

describe('runAs', () => {
  it('keeps what is in our environment from the program', async () => {
    process.env.PGPORT = '1';
    process.env.SPEC_SECRET = 'x';
    try {
      const { output } = await runAs(undefined, process.execPath, ['-p', 'Object.keys(process.env).join()']);
      expect(output.trim().split(',')).toEqual(expect.not.arrayContaining(['PGPORT', 'SPEC_SECRET']));
      expect(output).toContain('LC_ALL');
    } finally {
      delete process.env.PGPORT;
      delete process.env.SPEC_SECRET;
    }
  });

  it('tells how the program ended and what it said on both channels', async () => {
    const script = 'console.log("out"); console.error("err"); process.exit(3)';
    const { code, output } = await runAs(undefined, process.execPath, ['-e', script]);
    expect(code).toBe(3);
    expect(output.trim().split('\n').sort()).toEqual(['err', 'out']);
  });

  it('rejects when there is no such program', async () => {
    await expect(runAs(undefined, '/nowhere/initdb', [])).rejects.toThrow('ENOENT');
  });
});
