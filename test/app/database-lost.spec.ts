import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/app/embedded-postgres/index.js';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench } from '../support/app-workbench.js';
import { eventually } from '../support/eventually.js';
import { answerOf, deletionsIn, type InstanceRow, instancesIn, loseWorkload } from '../support/fleet.js';
import { fleetFile } from '../support/fleet-file.js';
import { runs } from '../support/processes.js';

interface Health {
  status: string;
  details: { workers: { status: string; history?: { state: string }; coordination?: { state: string } } };
}

describe('an app that loses its database', () => {
  const workbench = appWorkbench(afterAll);
  let directory: string;
  let port: number;
  let server: EmbeddedPostgres;
  let app: AppProcess;
  let instances: InstanceRow[];

  beforeAll(async () => {
    directory = await workbench.directory();
    port = await freePort();
    server = await startServer();
    const FLEET = await fleetFile(directory, { steady: { replicas: 1 }, lost: { replicas: 1 } });
    app = workbench.start(join(directory, 'data'), { env: { FLEET, DATABASE_URL: server.url } });
    await app.said(/2 instances are running/);
    instances = await instancesIn(server.url);
  });
  afterAll(() => server.stop());

  /** Like a server of one's own, it comes back where it was. */
  const startServer = () =>
    startEmbeddedPostgres({ directory: join(directory, 'server'), settings: { port } });
  const health = async () => (await app.get<Health>('/health')).body;

  it('goes on, degraded and not down: a restart of it would mend nothing', async () => {
    process.kill(server.pid, 'SIGINT');
    await eventually(() => !runs(server.pid));

    await eventually(async () => (await health()).details.workers.history?.state === 'unreachable');
    const { status, body } = await app.get<Health>('/health');
    expect(status).toBe(200);
    expect(body.details.workers).toMatchObject({ status: 'degraded' });
    // Nobody can say which replica may run, so none does; what is known is shown.
    await eventually(async () => (await health()).details.workers.coordination?.state === 'unreachable');
    expect((await app.get('/workers')).status).toBe(200);
    expect(await app.get('/events')).toMatchObject({
      status: 503,
      body: { detail: expect.stringMatching(/^The database cannot be used at the moment: /) },
    });
    for (const { url, pid } of instances) expect(await answerOf(url)).toBe(String(pid));
  });

  it('says so to each tab of the page, and to each part of it', async () => {
    interface Tab {
      id: string;
      path: string;
      parts?: { path: string }[];
      item?: { path: string }[];
      itemPath?: string;
    }
    const { status, body } = await app.get<Tab[]>('/dashboard/tabs');
    expect(status).toBe(200);
    const [{ id }] = instances as [InstanceRow];
    const paths = new Set(
      body.flatMap((tab) => {
        // Of items those of the fleet, whose ids are known.
        const ofItem = tab.id === 'fleet' ? [...(tab.item ?? []).map(({ path }) => path), tab.itemPath] : [];
        const asked = [tab.path, ...(tab.parts ?? []).map(({ path }) => path), ...ofItem];
        return asked.flatMap((path) => path?.replaceAll(':id', id) ?? []);
      }),
    );
    expect(paths.size).toBeGreaterThan(15);
    for (const path of paths)
      expect([path, await app.get(`/${path}`)]).toMatchObject([
        path,
        { status: 503, body: { title: 'Service Unavailable', detail: expect.stringMatching(/^The database cannot be used at the moment: ./) } },
      ]); // prettier-ignore
  });

  it('takes up its work when the database is back', async () => {
    server = await startServer();
    await eventually(async () => {
      const { workers } = (await health()).details;
      return workers.status === 'up' && workers.history === undefined && workers.coordination === undefined;
    }, 20_000);

    await loseWorkload(server.url, 'lost');
    await eventually(async () => (await instancesIn(server.url)).length === 1, 20_000);
    expect(await deletionsIn(server.url)).toHaveLength(1);

    const { body } = await app.get<{ items: { outcome: string }[] }>('/workers/gc/runs?limit=1000');
    expect(body.items.map(({ outcome }) => outcome)).toContain('succeeded');
    expect(app.output).toContain('The coordination can be reached again');
    expect(app.output).not.toContain(new URL(server.url).password);
  });

  it('ends cleanly, also without it', async () => {
    process.kill(server.pid, 'SIGINT');
    await eventually(() => !runs(server.pid));
    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });
  });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}
