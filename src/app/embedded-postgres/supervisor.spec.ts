import { afterEach, describe, expect, it } from '@jest/globals';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../../test/support/eventually.js';
import { FrozenPostgres } from '../../../test/support/frozen-postgres.js';
import { postgresWorkbench } from '../../../test/support/postgres-workbench.js';
import { query } from '../../../test/support/query.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './index.js';

describe('An embedded PostgreSQL that is supervised', () => {
  let server: EmbeddedPostgres | undefined;
  let said: string[];
  afterEach(() => server?.stop());
  const workbench = postgresWorkbench();

  async function start(): Promise<{ server: EmbeddedPostgres; data: string }> {
    const directory = await workbench.cluster();
    said = [];
    server = await startEmbeddedPostgres({ directory, supervised: true, log: (line) => said.push(line) });
    return { server, data: join(directory, 'data') };
  }
  const pidIn = async (data: string) =>
    Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[0]);
  const answers = (url: string) =>
    query(url, 'SELECT 1 AS one').then(
      () => true,
      () => false,
    );

  it.each([
    ['killed', 'SIGKILL', /its log says nothing of an end, as when it is killed/],
    ['told to stop by somebody else', 'SIGINT', /received fast shutdown request/],
  ] as const)(
    'is started again under the same URL when it was %s, and the reason is told',
    async (_, signal, reason) => {
      const { server, data } = await start();
      await query(server.url, 'CREATE TABLE mark AS SELECT 7 AS n');
      process.kill(server.pid, signal);
      await eventually(() => said.some((line) => /PostgreSQL runs again/.test(line)), 60_000);
      expect(said[0]).toMatch(/^PostgreSQL has ended: /);
      expect(said[0]).toMatch(reason);
      expect(server.status()).toEqual({ state: 'running' });
      expect(await query(server.url, 'SELECT n FROM mark')).toEqual([{ n: 7 }]);
      const again = await pidIn(data);
      expect(again).not.toBe(server.pid);
      await server.stop();
      expect(await answers(server.url)).toBe(false);
    },
  );

  it('is away, with the reason from its log, for as long as it cannot be started, and is back when it can', async () => {
    const { server, data } = await start();
    const settings = await readFile(join(data, 'postgresql.conf'), 'utf8');
    await appendFile(join(data, 'postgresql.conf'), '\nno_such_setting = 1\n');
    process.kill(server.pid, 'SIGKILL');
    await eventually(() => said.filter((line) => /does not start/.test(line)).length >= 2, 60_000);
    expect(server.status()).toMatchObject({
      state: 'away',
      since: expect.any(Date),
      reason: expect.stringMatching(/configuration file .* contains errors/),
    });
    await writeFile(join(data, 'postgresql.conf'), settings);
    await eventually(() => server.status().state === 'running', 60_000);
    await eventually(() => answers(server.url));
  });

  it('is away, with the reason, while it is frozen; one that is stopped then is killed with all its processes', async () => {
    const { server } = await start();
    const frozen = await FrozenPostgres.freeze(server.pid);
    expect(frozen.living().length).toBeGreaterThan(2);
    await eventually(() => server.status().state === 'away', 60_000);
    expect(server.status()).toMatchObject({
      reason: `process ${server.pid} is there and does not answer: it is frozen, or waits for a disk that hangs`,
    });
    frozen.resume();
    await eventually(() => server.status().state === 'running', 60_000);
    expect(said).toEqual([
      expect.stringMatching(/^PostgreSQL does not answer: /),
      'PostgreSQL answers again',
    ]);
    const again = await FrozenPostgres.freeze(server.pid);
    await server.stop();
    expect(again.living()).toEqual([]);
  });

  it('stays stopped when it is stopped while it is away', async () => {
    const { server, data } = await start();
    await appendFile(join(data, 'postgresql.conf'), '\nno_such_setting = 1\n');
    process.kill(server.pid, 'SIGKILL');
    await eventually(() => server.status().state === 'away', 60_000);
    await server.stop();
    const lines = said.length;
    expect(await answers(server.url)).toBe(false);
    expect(said).toHaveLength(lines);
  });
});
