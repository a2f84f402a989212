import { describe, expect, it } from '@jest/globals';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench } from '../support/app-workbench.js';
import { eventually } from '../support/eventually.js';
import { answerOf, instancesIn } from '../support/fleet.js';
import { fleetFile } from '../support/fleet-file.js';
import { postmasterOf, runs } from '../support/processes.js';
import { embeddedDatabase } from '../support/query.js';

interface Health {
  status: string;
  error: Record<string, { status: string; reason?: string; since?: string }>;
}

describe('an app whose embedded PostgreSQL', () => {
  const workbench = appWorkbench();

  const start = async (data: string): Promise<AppProcess> => {
    const FLEET = await fleetFile(await workbench.directory(), { web: { replicas: 1 } });
    const app = workbench.start(data, { env: { FLEET } });
    await app.said(/1 instances are running/);
    return app;
  };
  /** What `/health` says of the database when it says 503. */
  const complaint = (app: AppProcess, pattern: RegExp) =>
    eventually(async () => {
      const { status, body } = await app.get<Health>('/health');
      const found = Object.values(body.error ?? {}).find(({ reason }) => pattern.test(reason ?? ''));
      return status === 503 ? found : undefined;
    }, 60_000);
  const well = (app: AppProcess) =>
    eventually(async () => (await app.get<Health>('/health')).status === 200, 90_000);

  it('cannot be started again says 503 with the reason from its log, and 200 when it is back', async () => {
    const data = join(await workbench.directory(), 'data');
    const app = await start(data);
    const [instance] = await instancesIn(await embeddedDatabase(data));
    const file = join(data, 'postgres/data/postgresql.conf');
    const settings = await readFile(file, 'utf8');
    await appendFile(file, '\nno_such_setting = 1\n');
    const postmaster = await postmasterOf(data);
    process.kill(postmaster, 'SIGKILL');

    const found = await complaint(app, /configuration file .* contains errors/);
    expect(found).toMatchObject({ status: 'down', since: expect.any(String) });
    expect(await app.get('/events')).toMatchObject({ status: 503, body: { detail: expect.any(String) } });
    expect(await answerOf(instance!.url)).toBe(String(instance!.pid));

    await writeFile(file, settings);
    await well(app);
    expect(runs(postmaster)).toBe(false);
    expect((await instancesIn(await embeddedDatabase(data))).map(({ id }) => id)).toEqual([instance!.id]);
    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });
  });
});
