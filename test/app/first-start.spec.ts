import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench, builtCheckout, TOKEN } from '../support/app-workbench.js';
import { eventually } from '../support/eventually.js';
import { answerOf, type InstanceRow, instancesIn } from '../support/fleet.js';
import { itWith } from '../support/needs.js';
import { environmentOf, listeningAddresses, postmasterOf } from '../support/processes.js';
import { embeddedDatabase } from '../support/query.js';

describe('the first start of the app, with nothing set', () => {
  const workbench = appWorkbench(afterAll);
  let dataDirectory: string;
  let app: AppProcess;
  let database: string;
  let instances: InstanceRow[];

  beforeAll(async () => {
    dataDirectory = join(await workbench.directory(), 'made', 'by', "the app's user");
    app = workbench.start(dataDirectory);
    await app.said(/5 instances are running/);
    database = await embeddedDatabase(dataDirectory);
    instances = await instancesIn(database);
  });

  it('runs the five instances of the example, each an HTTP server of its own', async () => {
    expect(instances.map(({ workload }) => workload)).toEqual(['web', 'web', 'api', 'shop', 'shop']);
    for (const { url, pid, workload } of instances)
      expect(JSON.parse(await answerOf(url))).toMatchObject({ pid, name: expect.stringContaining(workload) });
  });

  it('says where it is, how to look into its database, and not a token that it was given', async () => {
    const [, command] = /^ {2}database {3}(.+)$/m.exec(app.output)!;
    const { stdout } = await promisify(execFile)('sh', ['-c', command!], { cwd: builtCheckout() });
    const rows = [
      '{"name":"api","replicas":1}',
      '{"name":"shop","replicas":2}',
      '{"name":"web","replicas":2}',
    ];
    expect(
      stdout
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .sort(),
    ).toEqual(rows);
    expect(app.output).not.toContain(TOKEN);
  });

  it('has a page of at most 70 kB of assets, as they are sent compressed', async () => {
    const assets = join(builtCheckout(), 'dist/page/assets');
    const sizes = (await readdir(assets)).map(
      async (name) => gzipSync(await readFile(join(assets, name))).length,
    );
    const all = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    expect(all).toBeGreaterThan(10_000);
    expect(all).toBeLessThanOrEqual(70_000);
  });

  it('is healthy', async () => {
    expect(await app.get('/health')).toMatchObject({
      status: 200,
      body: {
        status: 'ok',
        details: { workers: { status: 'up', running: true, total: expect.any(Number) } },
      },
    });
  });

  it('lists each worker with the fields of the protocol', async () => {
    const { body } = await app.get<Record<string, unknown>[]>('/workers');
    expect(body.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'cert_renewer',
        'events_retention',
        'gc',
        'gc_stores',
        'incident_watch',
        'instance_drift',
        'reconciler',
        'schedule_watch',
        'schedules',
        'telemetry_collector',
        'telemetry_retention',
        'telemetry_rollups',
        'workers_incidents',
        'workers_retention',
      ]),
    );
    const gc = body.find(({ name }) => name === 'gc')!;
    expect([gc, body.find(({ name }) => name === 'workers_retention')]).toEqual([
      expect.objectContaining({
        name: 'gc',
        interval: 5_000,
        running: true,
        run_count: expect.any(Number),
        skipped_count: 0,
        critical: false,
        conditions: [],
      }),
      expect.objectContaining({ name: 'workers_retention', interval: 3_600_000, running: true }),
    ]);
    expect(gc).not.toHaveProperty('last_error');
    const { body: one } = await app.get('/workers/gc');
    expect(Object.keys(one as object)).toEqual([...Object.keys(gc), 'definition']);
  });

  itWith('proc', 'shows what its instances use', async () => {
    for (const { id } of instances) {
      const resources = await eventually(async () => {
        const { body } = await app.get<{ resources: Record<string, number | null> }>(
          `/instances/${id}/metrics`,
        );
        return body.resources.cpu_percent !== undefined && body.resources;
      }, 30_000);
      expect(resources.cpu_seconds).toBeGreaterThan(0);
      expect(resources.memory_working_set_bytes).toBeGreaterThan(1e6);
      expect(resources).toMatchObject({ processes: 1, network_receive_bytes: null });
    }
  });

  it('gives runs from its history', async () => {
    await eventually(async () => (await app.get<{ run_count: number }>('/workers/gc')).body.run_count > 0);
    const { body } = await app.get<{ items: Record<string, unknown>[] }>('/workers/gc/runs?limit=1');
    expect(body.items).toEqual([
      expect.objectContaining({ worker: 'gc', trigger: 'schedule', outcome: 'succeeded' }),
    ]);
    const { body: worker } = await app.get<Record<string, unknown>>('/workers/gc');
    expect(worker).toMatchObject({ last_run: expect.stringMatching(/^\d{4}-\d\d-\d\dT/), state: 'idle' });
    expect(worker).not.toHaveProperty('last_error');
  });

  it('tells what happened as events, by type and up to a limit', async () => {
    const { body: running } = await app.get<{ items: Record<string, unknown>[] }>(
      '/events?type=instance.running',
    );
    expect(running.items.map(({ payload }) => (payload as { instanceId: string }).instanceId).sort()).toEqual(
      instances.map(({ id }) => id).sort(),
    );
    const { body: last } = await app.get<{ items: unknown[]; next?: string }>('/events?limit=1');
    expect(last.next).toEqual(expect.any(String));
    expect(last.items).toEqual([
      expect.objectContaining({ id: expect.stringMatching(/^evt_/), created_at: expect.any(String) }),
    ]);
  });

  it("writes its database's URL where only this user can read it", async () => {
    expect((await stat(join(dataDirectory, 'postgres.url'))).mode & 0o777).toBe(0o600);
    expect(app.output).not.toContain(new URL(database).password);
  });

  itWith('proc', 'listens on the loopback interface alone, with all that it starts', async () => {
    const addresses = await listeningAddresses([app.pid, await postmasterOf(dataDirectory), ...pids()]);
    // The API, HTTPS, PostgreSQL and five instances.
    expect(addresses).toEqual(Array.from({ length: 8 }, () => '127.0.0.1'));
  });

  itWith('proc', 'keeps its secrets from the instances and from the database', async () => {
    for (const pid of [...pids(), await postmasterOf(dataDirectory)]) {
      const environment = await environmentOf(pid);
      expect(environment).not.toContain(TOKEN);
      expect(environment).not.toContain(new URL(database).password);
    }
  });

  const pids = () => instances.map(({ pid }) => pid);
});
