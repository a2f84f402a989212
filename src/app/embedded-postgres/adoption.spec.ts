import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../../test/support/eventually.js';
import { postgresWorkbench } from '../../../test/support/postgres-workbench.js';
import { readProcessIdentity } from '../../modules/providers/process/process-identity.js';
import { adoptServer } from './adoption.js';
import { usableBinaries } from './binaries.js';
import { clusterFiles } from './cluster-directory.js';
import { userOfCluster } from './cluster-user.js';
import { openCluster } from './cluster.js';
import { startEmbeddedPostgres, WrongPasswordError } from './index.js';

describe('a server that a killed app has left behind', () => {
  const bystanders: ChildProcess[] = [];
  afterEach(() => bystanders.splice(0).forEach((process) => process.kill('SIGKILL')));
  const workbench = postgresWorkbench();

  it('is adopted as it runs, and stopped by the one who adopted it', async () => {
    const directory = await workbench.cluster();
    const { app, ...left } = await workbench.startInChild(directory);
    await kill(app);

    const server = await startEmbeddedPostgres({ directory });
    expect(server).toMatchObject({ pid: left.pid, port: left.port, url: left.url, adopted: true });
    await server.stop();
    expect(readProcessIdentity(server.pid)).toBeUndefined();
  });

  it('is adopted when the app was killed while the server was coming up', async () => {
    const directory = await workbench.cluster();
    const app = workbench.launch(directory);
    // Made by the app right before it runs pg_ctl, which goes on without it.
    const { mtimeMs } = await stat(join(directory, 'server.log'));
    await eventually(async () => (await stat(join(directory, 'server.log'))).mtimeMs > mtimeMs);
    await kill(app);

    const server = await startEmbeddedPostgres({ directory });
    await server.stop();
    const starts = (await readFile(join(directory, 'server.log'), 'utf8')).match(
      /ready to accept connections/g,
    );
    // The one that made the copy, and the one that was adopted.
    expect(starts).toHaveLength(2);
  });

  it('is started anew after a recovery when it was killed too', async () => {
    const directory = await workbench.cluster();
    const { app, ...left } = await workbench.startInChild(directory);
    await kill(app);
    process.kill(left.pid, 'SIGKILL');

    const server = await startEmbeddedPostgres({ directory });
    expect(server.adopted).toBe(false);
    expect(server.pid).not.toBe(left.pid);
    await server.stop();
    expect(await readFile(join(directory, 'server.log'), 'utf8')).toMatch(/was not properly shut down/);
  });

  it('is replaced when it hangs', async () => {
    const directory = await workbench.cluster();
    const { app, ...left } = await workbench.startInChild(directory);
    await kill(app);
    process.kill(left.pid, 'SIGSTOP');

    const said: string[] = [];
    const server = await startEmbeddedPostgres({ directory, log: (message) => said.push(message) });
    expect(server.adopted).toBe(false);
    expect(readProcessIdentity(left.pid)).toBeUndefined();
    expect(said).toEqual([
      expect.stringMatching(`process ${left.pid}\\) and does not answer`),
      expect.stringMatching(`process ${left.pid}\\) hangs and does not stop: it is killed`),
    ]);
    await server.stop();
    // It gets 5 s to answer and 5 s to stop.
  });

  it('is stopped when its version is not the one that is installed now', async () => {
    const files = clusterFiles(await workbench.cluster());
    const { pid } = await startEmbeddedPostgres({ directory: files.directory });
    const user = await userOfCluster(files.data);
    const cluster = await openCluster(files, user, await usableBinaries(user, files.directory));
    const newer = { ...cluster, binaries: { ...cluster.binaries, serverVersion: '18.99' } };

    const said: string[] = [];
    expect(await adoptServer(newer, (message) => said.push(message))).toBeUndefined();
    expect(said).toEqual([expect.stringMatching(`process ${pid}\\); replacing it by 18.99`)]);
    expect(readProcessIdentity(pid)).toBeUndefined();
  });

  it('is not looked for in a process that only has its pid', async () => {
    const directory = await workbench.cluster();
    const { uid, gid } = await stat(join(directory, 'data'));
    // Of the same user: PostgreSQL itself would take it for its server, and refuse to start.
    const bystander = spawn('sleep', ['60'], process.getuid?.() === 0 ? { uid, gid } : {});
    bystanders.push(bystander);
    await writePidFile(directory, bystander.pid!);

    const server = await startEmbeddedPostgres({ directory });
    expect(server.adopted).toBe(false);
    await server.stop();
    expect(readProcessIdentity(bystander.pid!)).toBeDefined();
  });

  it('is not taken from another directory whose server has the pid of the file', async () => {
    const [directory, other] = [await workbench.cluster(), await workbench.cluster()];
    const { pid, stop } = await startEmbeddedPostgres({ directory: other });
    const pidFile = await readFile(join(other, 'data', 'postmaster.pid'));
    await writeFile(join(directory, 'data', 'postmaster.pid'), pidFile);

    await expect(startEmbeddedPostgres({ directory })).rejects.toThrow(
      `names process ${pid} as the server of this database. That is a PostgreSQL, but does not answer as this one`,
    );
    expect(readProcessIdentity(pid)).toBeDefined();
    await stop();
  });

  it('is left alone when the password is no longer the one it knows', async () => {
    const directory = await workbench.cluster();
    const { app, ...left } = await workbench.startInChild(directory);
    await kill(app);
    await writeFile(join(directory, 'password'), 'another\n');

    const failure = startEmbeddedPostgres({ directory });
    await expect(failure).rejects.toThrow(WrongPasswordError);
    await expect(failure).rejects.toThrow(`refuses the password in ${join(directory, 'password')}`);
    expect(readProcessIdentity(left.pid)).toBeDefined();
  });
});

async function kill(app: ChildProcess): Promise<void> {
  const exit = once(app, 'exit');
  app.kill('SIGKILL');
  await exit;
}

/** As PostgreSQL writes it: pid, directory, start time, port, socket directory, address, memory, state. */
async function writePidFile(directory: string, pid: number): Promise<void> {
  const data = join(directory, 'data');
  const lines = [pid, data, 1_700_000_000, 5432, '', '127.0.0.1', '  1  1', 'ready   '];
  await writeFile(join(data, 'postmaster.pid'), `${lines.join('\n')}\n`);
}
