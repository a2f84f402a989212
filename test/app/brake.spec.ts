import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench, builtCheckout, TOKEN } from '../support/app-workbench.js';
import { eventually } from '../support/eventually.js';
import { instancesIn } from '../support/fleet.js';
import { fleetFile } from '../support/fleet-file.js';
import { runs } from '../support/processes.js';
import { embeddedDatabase, query } from '../support/query.js';

const execute = promisify(execFile);

interface Brakes {
  items: { tenant_id: string; set: string; orphans: number; state: string }[];
}

describe('an app whose workloads are lost, as by a backup that was restored without them', () => {
  const workbench = appWorkbench();

  async function pass(app: AppProcess): Promise<void> {
    // A run is shown as ended a moment before the cluster has acknowledged its end; until then this answers 409.
    const { body } = await eventually(async () => {
      const answer = await app.post<{ run_id: string }>('/workers/gc/trigger', TOKEN);
      return answer.status === 202 && answer;
    });
    const run = await eventually(async () => {
      const { body: all } = await app.get<{ items: { id: string; outcome: string }[] }>('/workers/gc/runs');
      return all.items.find(({ id, outcome }) => id === body.run_id && outcome !== 'running');
    });
    expect(run).toMatchObject({ outcome: 'succeeded' });
  }

  it('deletes nothing, says so in events and health, and then exactly what was confirmed', async () => {
    const directory = await workbench.directory();
    const FLEET = await fleetFile(
      directory,
      { web: { replicas: 3 } },
      { interval: 0, instanceGracePeriod: 0 },
    );
    const app = workbench.start(join(directory, 'data'), { env: { FLEET } });
    await app.said(/3 instances are running/);
    const database = await embeddedDatabase(join(directory, 'data'));
    const instances = await instancesIn(database);
    await query(database, 'TRUNCATE workloads');
    for (let i = 0; i < 3; i++) await pass(app);

    const seen = (await instancesIn(database)).map(({ id, pid, state }) => ({ id, pid, state }));
    expect(seen).toEqual(instances.map(({ id, pid, state }) => ({ id, pid, state })));
    expect(instances.filter(({ pid }) => runs(pid))).toHaveLength(3);
    const { body: told } = await app.get<{ items: unknown[] }>('/events?type=gc.brake_engaged');
    expect(told.items).toHaveLength(1);
    expect((await app.get('/health')).body).toMatchObject({
      status: 'degraded',
      details: { garbage_collector: { status: 'degraded', engaged: 1, tenants: [{ orphans: 3 }] } },
    });

    const { items } = (await app.get<Brakes>('/gc/brakes')).body;
    expect(items).toMatchObject([{ orphans: 3, state: 'engaged' }]);
    const [{ tenant_id: tenant, set }] = items as [Brakes['items'][number]];
    const shown = (await app.get<{ items: { instance_id: string }[] }>(`/gc/brakes/${tenant}`)).body.items;
    expect(shown.map(({ instance_id }) => instance_id).sort()).toEqual(instances.map(({ id }) => id).sort());
    expect((await app.post(`/gc/brakes/${tenant}/confirm?set=${set}`)).status).toBe(401);
    expect((await app.post(`/gc/brakes/${tenant}/confirm?set=${'0'.repeat(32)}`, TOKEN)).status).toBe(409);
    expect((await app.post(`/gc/brakes/${tenant}/confirm?set=${set}`, TOKEN)).status).toBe(200);
    await pass(app);
    expect(await instancesIn(database)).toEqual([]);
    expect(instances.filter(({ pid }) => runs(pid))).toEqual([]);
  });

  it('shows what another pass holds back in health, incidents, HTTP and the command line, which decides on it', async () => {
    const directory = await workbench.directory();
    const dataDirectory = join(directory, 'data');
    const FLEET = await fleetFile(
      directory,
      { web: { replicas: 1 } },
      { interval: 0, instanceGracePeriod: 0 },
    );
    const app = workbench.start(dataDirectory, { env: { FLEET } });
    await app.said(/1 instances are running/);
    const database = await embeddedDatabase(dataDirectory);
    // A route whose domain is lost, as by a backup that was restored in part.
    await query(
      database,
      `INSERT INTO routes (id, tenant_id, domain_id, path, workload_id, port, created_at)
       SELECT 'rte_' || repeat('0', 26), tenant_id, 'dom_' || repeat('0', 26), '/', id, 80, clock_timestamp() - interval '1 hour'
       FROM workloads LIMIT 1`,
    );
    await pass(app);
    expect((await app.get('/health')).body).toMatchObject({
      status: 'degraded',
      details: {
        garbage_collector: {
          ...{ status: 'degraded', engaged: 0, engagedByPasses: 1 },
          passes: [{ pass: 'routes', items: 1, state: 'engaged' }],
        },
      },
    });
    const routes = () => query(database, 'SELECT id FROM routes');
    await app.post('/workers/incident_watch/trigger', TOKEN);
    await eventually(async () => {
      const { items } = (await app.get<{ items: { condition: string }[] }>('/incidents?kind=brake')).body;
      return items.some(({ condition }) => condition === 'pass_engaged');
    }, 60_000);
    const run = async (...args: string[]) => {
      const { stdout } = await execute(
        process.execPath,
        [join(builtCheckout(), 'dist/bin.js'), 'brakes', ...args],
        {
          env: { PATH: process.env.PATH, WORKERS_URL: await app.url(), WORKERS_TOKEN: TOKEN },
        },
      );
      return stdout;
    };
    const [{ id, set }] = (JSON.parse(await run('ls', '--json')) as { passes: [{ id: string; set: string }] })
      .passes;
    expect(await run('show', id)).toContain(`rte_${'0'.repeat(26)}`);
    expect(await run('confirm', id, set)).toContain('is removed by the next runs');
    await pass(app);
    expect(await routes()).toEqual([]);
    expect((await app.get('/health')).body).toMatchObject({
      details: { garbage_collector: { status: 'up' } },
    });
  });

  it('deletes nothing either when the app is killed, and makes the workloads anew at its next start', async () => {
    const directory = await workbench.directory();
    const FLEET = await fleetFile(
      directory,
      { web: { replicas: 2 }, api: { replicas: 1 } },
      { interval: 0, instanceGracePeriod: 0 },
    );
    const dataDirectory = join(directory, 'data');
    const app = workbench.start(dataDirectory, { env: { FLEET } });
    await app.said(/3 instances are running/);
    const database = await embeddedDatabase(dataDirectory);
    const before = await instancesIn(database);
    app.kill('SIGKILL');
    await app.exit;
    await query(database, 'TRUNCATE workloads');

    const again = workbench.start(dataDirectory, { env: { FLEET } });
    await again.said(/3 instances are running/);
    for (let i = 0; i < 3; i++) await pass(again);
    const after = await instancesIn(await embeddedDatabase(dataDirectory));
    expect(after.map(({ id }) => id)).toEqual(expect.arrayContaining(before.map(({ id }) => id)));
    expect(before.filter(({ pid }) => runs(pid))).toHaveLength(3);
    const { items } = (await again.get<Brakes>('/gc/brakes')).body;
    expect(items).toMatchObject([{ orphans: 3, examined: 6, state: 'engaged', cause: 'lost_workloads' }]);
    expect((await again.get('/health')).body).toMatchObject({ status: 'degraded' });
  });
});
