import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../../test/support/eventually.js';
import { postgresWorkbench } from '../../../test/support/postgres-workbench.js';
import { startEmbeddedPostgres, WrongPasswordError } from './index.js';

describe('openCluster', () => {
  const workbench = postgresWorkbench();

  it('begins again when the app was killed while initdb was at work', async () => {
    const directory = await workbench.directory();
    const app = workbench.launch(directory);
    await eventually(async () => (await partials(directory)).length > 0);
    const exit = once(app, 'exit');
    app.kill('SIGKILL');
    await exit;
    expect(await readdir(directory)).not.toContain('data');

    const server = await startEmbeddedPostgres({ directory });
    await server.stop();
    expect(await partials(directory)).toEqual([]);
  });

  it('refuses a cluster of another major version and names both', async () => {
    const directory = await workbench.cluster();
    await writeFile(join(directory, 'data', 'PG_VERSION'), '15\n');
    await expect(startEmbeddedPostgres({ directory })).rejects.toThrow(
      /made by PostgreSQL 15, and the embedded one is \d+: it cannot read it\. Carry it over with pg_dump/,
    );
  });

  it('says so when the password is not that of the cluster, and leaves no server behind', async () => {
    const directory = await workbench.cluster();
    await writeFile(join(directory, 'password'), 'another\n');
    await expect(startEmbeddedPostgres({ directory })).rejects.toThrow(WrongPasswordError);
    expect(await readdir(join(directory, 'data'))).not.toContain('postmaster.pid');
  });

  it('says which file is missing when the password is gone', async () => {
    const directory = await workbench.cluster();
    await rm(join(directory, 'password'));
    await expect(startEmbeddedPostgres({ directory })).rejects.toThrow(
      `bring back ${join(directory, 'password')}`,
    );
  });
});

async function partials(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.startsWith('data.partial'));
}
