import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { ProcessProvider } from '../../modules/providers/process/process.provider.js';
import { loadAppConfig } from '../config/app-config.js';
import { type FleetFile, type FleetWorkload, loadFleetFile } from './fleet-file.js';
import { FleetComparison } from './fleet-comparison.js';
import { FleetModule } from './fleet.module.js';
import { FleetService } from './fleet.service.js';

let directory: string;
let database: TestDatabase;
let app: INestApplicationContext;
let fleets: FleetService;
let provider: ProcessProvider;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fleet-service-'));
  database = await createTestDatabase();
  app = await Test.createTestingModule({
    imports: [
      FleetModule.forRoot({
        databaseUrl: database.url,
        instancesDirectory: join(directory, 'instances'),
        users: 'same',
      }),
    ],
  }).compile();
  await app.init();
  fleets = app.get(FleetService);
  provider = app.get(ProcessProvider);
});

afterEach(async () => {
  for (const { instanceId } of await provider.list()) await provider.deprovision(instanceId);
});

afterAll(async () => {
  await app?.close();
  await database?.drop();
  await rm(directory, { recursive: true });
});

beforeEach(() => query('TRUNCATE tenants, datacenters, workloads, deployments, instances, events'));

async function query<T = { [column: string]: unknown }>(
  sql: string,
  parameters: unknown[] = [],
): Promise<T[]> {
  return app.get(DataSource).query(sql, parameters);
}

const workload = (name: string, replicas: number, more: Partial<FleetWorkload> = {}): FleetWorkload => ({
  name,
  provider: 'process',
  replicas,
  spec: { command: ['sleep', '600'] },
  labels: {},
  ...more,
});

const fleetOf = (...workloads: FleetWorkload[]): FleetFile => ({
  path: '/fleet.yaml',
  garbageCollector: {},
  tenants: [{ name: 'acme', datacenters: [{ name: 'main' }], workloads }],
});

/** The processes by workload, as the operating system and the rows agree on them. */
async function pidsOf(name: string): Promise<number[]> {
  const rows = await query<{ id: string; ref: string }>(
    `SELECT i.id, i.ref FROM instances i JOIN workloads w ON w.id = i.workload_id
     WHERE w.name = $1 AND i.state = 'running' ORDER BY i.created_at, i.id`,
    [name],
  );
  const running = (await provider.list()).filter(({ state }) => state === 'running');
  const refs = new Map(running.map(({ instanceId, ref }) => [instanceId as string, ref]));
  return rows.map(({ id, ref }) => {
    expect(refs.get(id)).toBe(ref);
    return Number(ref);
  });
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const eventTypes = async () =>
  (await query<{ type: string }>('SELECT type FROM events ORDER BY seq')).map(({ type }) => type);

describe('FleetService.up', () => {
  it('brings the example fleet up: its five instances answer by HTTP under the names of their workloads', async () => {
    const report = await fleets.up(loadFleetFile(loadAppConfig({}).fleetFile));
    expect(report).toEqual({
      created: ['acme/web', 'acme/api', 'globex/shop'],
      scaled: [],
      updated: [],
      bootstrapped: [],
      outdated: [],
      wanted: 5,
      running: 5,
      failures: [],
    });
    const instances = await provider.list();
    const answers = await Promise.all(
      instances.map(async ({ endpoints: [endpoint] }) => {
        const page = await patiently(() => fetch(`http://${endpoint!.host}:${endpoint!.port}/`));
        return (await page.json()) as { name: string; pid: number };
      }),
    );
    expect(answers.map(({ name }) => name).sort()).toEqual([
      'acme/api',
      'acme/web',
      'acme/web',
      'globex/shop',
      'globex/shop',
    ]);
    expect(answers.map(({ pid }) => String(pid)).sort()).toEqual(instances.map(({ ref }) => ref).sort());
  });

  it('puts a workload into its datacenter, and hands its labels on to the instances', async () => {
    await fleets.up(
      fleetOf(workload('web', 1, { datacenter: 'main', labels: { team: 'a' } }), workload('api', 1)),
    );
    expect(
      await query(
        `SELECT w.name, d.name AS datacenter, i.labels ->> 'team' AS team FROM workloads w
         JOIN instances i ON i.workload_id = w.id LEFT JOIN datacenters d ON d.id = w.datacenter_id ORDER BY w.name`,
      ),
    ).toEqual([
      { name: 'api', datacenter: null, team: null },
      { name: 'web', datacenter: 'main', team: 'a' },
    ]);
  });

  it('changes nothing the second time', async () => {
    const fleet = fleetOf(workload('web', 2, { datacenter: 'main' }), workload('api', 1));
    await fleets.up(fleet);
    const pids = [await pidsOf('web'), await pidsOf('api')];
    const events = await eventTypes();
    expect(await fleets.up(fleet)).toEqual({
      created: [],
      scaled: [],
      updated: [],
      bootstrapped: [],
      outdated: [],
      wanted: 3,
      running: 3,
      failures: [],
    });
    expect([await pidsOf('web'), await pidsOf('api')]).toEqual(pids);
    expect(await eventTypes()).toEqual(events);
  });

  it('scales a workload whose replicas differ, keeps its oldest instances and leaves the others alone', async () => {
    await fleets.up(fleetOf(workload('web', 3), workload('api', 1)));
    const [web, api] = [await pidsOf('web'), await pidsOf('api')];
    const report = await fleets.up(fleetOf(workload('web', 1), workload('api', 1)));
    expect(report).toMatchObject({ created: [], scaled: ['acme/web'], running: 2, failures: [] });
    expect([await pidsOf('web'), await pidsOf('api')]).toEqual([web.slice(0, 1), api]);
    expect(web.map(isAlive)).toEqual([true, false, false]);
  });

  it('begins to roll out a command that has changed in the file, and says so', async () => {
    await fleets.up(fleetOf(workload('web', 1)));
    const changed = fleetOf(workload('web', 1, { spec: { command: ['sleep', '601'] }, driftPolicy: 'mark' }));
    expect(await fleets.up(changed)).toMatchObject({ updated: ['acme/web'], outdated: [], failures: [] });
    expect(
      await query(
        'SELECT drift_policy, w.spec, d.state FROM workloads w JOIN deployments d ON d.workload_id = w.id',
      ),
    ).toEqual([{ drift_policy: 'mark', spec: { command: ['sleep', '601'] }, state: 'rolling' }]);
    expect(await fleets.up(changed)).toMatchObject({ updated: [], scaled: [] });
  });

  it('begins a deployment again that has failed, also where nothing else differs, and tells a comparison why', async () => {
    await fleets.up(fleetOf(workload('web', 1)));
    const changed = fleetOf(workload('web', 1, { spec: { command: ['sleep', '601'] } }));
    await fleets.up(changed);
    const compare = () => app.get(FleetComparison).compare(changed, changed);
    expect(await compare()).toEqual([]);
    await query(`UPDATE deployments SET state = 'failed', reason = 'nothing became ready', ended_at = now()`);
    expect(await compare()).toEqual([
      {
        subject: 'acme/web',
        what: 'change',
        detail: 'spec again, as its deployment failed (nothing became ready)',
      },
    ]);
    expect(await fleets.up(changed)).toMatchObject({ updated: ['acme/web'], failures: [] });
    expect(await compare()).toEqual([]);
    expect(await query('SELECT state FROM deployments ORDER BY created_at DESC')).toEqual([
      { state: 'rolling' },
      { state: 'failed' },
    ]);
    await query(`UPDATE deployments SET state = 'failed', ended_at = now()`);
    expect(await fleets.up(fleetOf(workload('web', 1)))).toMatchObject({ updated: ['acme/web'] });
  });

  it('says what it cannot change, and leaves that as it is', async () => {
    await fleets.up(fleetOf(workload('web', 1)));
    const pids = await pidsOf('web');
    const changed = fleetOf(workload('web', 1, { labels: { team: 'a' }, datacenter: 'main' }));
    expect(await fleets.up(changed)).toMatchObject({
      updated: [],
      outdated: ['acme/web: datacenter, labels'],
    });
    expect(await pidsOf('web')).toEqual(pids);
  });

  it('declares the bootstrap services of a datacenter, and keeps what is declared where the file says nothing', async () => {
    const bootstrapOf = async () =>
      (await query<{ bootstrap: { name: string }[] }>('SELECT bootstrap FROM datacenters'))[0]!.bootstrap.map(
        ({ name }) => name,
      );
    const fleet = (bootstrap?: FleetFile['tenants'][number]['datacenters'][number]['bootstrap']) => {
      const {
        tenants: [acme],
        ...file
      } = fleetOf();
      return { ...file, tenants: [{ ...acme!, datacenters: [{ name: 'main', bootstrap }] }] };
    };
    const ingress = { name: 'ingress', services: [{ name: 'proxy', spec: { command: ['sleep', '600'] } }] };
    expect(await fleets.up(fleet([ingress]))).toMatchObject({ bootstrapped: ['acme/main'] });
    expect(await fleets.up(fleet([ingress]))).toMatchObject({ bootstrapped: [] });
    expect(await fleets.up(fleet())).toMatchObject({ bootstrapped: [] });
    expect(await bootstrapOf()).toEqual(['ingress']);
    expect(await fleets.up(fleet([]))).toMatchObject({ bootstrapped: ['acme/main'] });
    expect(await bootstrapOf()).toEqual([]);
  });

  it('leaves alone what the file does not name', async () => {
    await fleets.up(fleetOf(workload('web', 1)));
    const pids = await pidsOf('web');
    expect(await fleets.up(fleetOf(workload('api', 1)))).toMatchObject({ created: ['acme/api'], running: 1 });
    expect(await pidsOf('web')).toEqual(pids);
  });

  it('creates a workload anew that was deleted, and brings back an instance whose row is gone', async () => {
    const fleet = fleetOf(workload('web', 1), workload('api', 2));
    await fleets.up(fleet);
    await query(`DELETE FROM workloads WHERE name = 'web'`);
    await query(
      `DELETE FROM instances WHERE name = 'api' AND id = (SELECT max(id) FROM instances WHERE name = 'api')`,
    );
    expect(await fleets.up(fleet)).toMatchObject({ created: ['acme/web'], running: 3, failures: [] });
    expect(await pidsOf('web')).toHaveLength(1);
    expect(await pidsOf('api')).toHaveLength(2);
  });

  it('finishes what a crash left half done: instances that have a row and no process yet', async () => {
    await fleets.up(fleetOf(workload('web', 1)));
    const [instance] = await provider.list();
    await provider.deprovision(instance!.instanceId);
    await query(`UPDATE instances SET state = 'provisioning', ref = NULL`);
    expect(await fleets.up(fleetOf(workload('web', 1)))).toMatchObject({
      created: [],
      running: 1,
      failures: [],
    });
    expect(await pidsOf('web')).toHaveLength(1);
    expect(await query('SELECT id FROM instances')).toEqual([{ id: instance!.instanceId }]);
  });

  it('counts as running what the provider calls running, and names what does not run whatever its row says', async () => {
    const fleet = fleetOf(workload('web', 3));
    expect(await fleets.up(fleet)).toMatchObject({ wanted: 3, running: 3, failures: [] });
    const [first, second] = await pidsOf('web');
    for (const pid of [first!, second!]) process.kill(-pid, 'SIGKILL');
    await patiently(async () => {
      const states = (await provider.list()).map(({ state }) => state);
      if (states.filter((state) => state === 'exited').length < 2) throw new Error(states.join());
    });
    const report = await fleets.up(fleet);
    expect(report).toMatchObject({ wanted: 3, running: 1 });
    expect(report.failures).toEqual(
      Array(2).fill({
        subject: 'acme/web',
        reason: expect.stringMatching(/^inst_\w+ does not run: it is exited with code 137$/),
      }),
    );
  });

  it('reports a workload that fails and brings up the rest', async () => {
    const broken = workload('broken', 2, { spec: { command: ['no-such-program'] } });
    const elsewhere = workload('elsewhere', 1, { provider: 'moon' });
    const report = await fleets.up(fleetOf(broken, elsewhere, workload('web', 1)));
    expect(report).toMatchObject({ created: ['acme/broken', 'acme/web'], running: 1 });
    expect(report.failures).toEqual([
      {
        subject: 'acme/broken',
        reason: expect.stringMatching(/^2 of 2 instances do not run.*no-such-program/),
      },
      { subject: 'acme/elsewhere', reason: expect.stringMatching(/no provider "moon"/) },
    ]);
    expect(await pidsOf('web')).toHaveLength(1);
  });

  it('reports a tenant that fails and brings up the others', async () => {
    const [acme] = fleetOf(workload('web', 1)).tenants;
    const fleet = { ...fleetOf(), tenants: [{ ...acme!, name: 'Not A Name' }, acme!] };
    const report = await fleets.up(fleet);
    expect(report).toMatchObject({ created: ['acme/web'], running: 1 });
    expect(report.failures).toEqual([{ subject: 'Not A Name', reason: expect.stringMatching(/name/) }]);
  });

  it('stops with the reason of an aborted signal, and goes on from there the next time', async () => {
    const reason = new Error('the app is going down');
    const fleet = fleetOf(workload('web', 1));
    await expect(fleets.up(fleet, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await query('SELECT FROM instances')).toEqual([]);
    expect(await fleets.up(fleet)).toMatchObject({ created: ['acme/web'], running: 1 });
  });
});

describe('FleetService.down', () => {
  it('removes workloads, rows and processes of the declared tenants, and says how many', async () => {
    await fleets.up(fleetOf(workload('web', 2), workload('api', 1)));
    const pids = [...(await pidsOf('web')), ...(await pidsOf('api'))];
    // The file has changed since: `api` is not in it any more.
    expect(await fleets.down(fleetOf(workload('web', 2)))).toEqual({
      workloads: 2,
      instances: 3,
      failures: [],
    });
    expect(pids.map(isAlive)).toEqual([false, false, false]);
    expect(await provider.list()).toEqual([]);
    expect(await query('SELECT name FROM workloads UNION ALL SELECT name FROM instances')).toEqual([]);
    expect(await query('SELECT name FROM tenants UNION ALL SELECT name FROM datacenters')).toHaveLength(2);
  });

  it('finds nothing the second time, and nothing before the first `up`', async () => {
    const fleet = fleetOf(workload('web', 1));
    const nothing = { workloads: 0, instances: 0, failures: [] };
    expect(await fleets.down(fleet)).toEqual(nothing);
    await fleets.up(fleet);
    await fleets.down(fleet);
    expect(await fleets.down(fleet)).toEqual(nothing);
  });

  it('removes orphans, instances of other tenants, and processes without a row', async () => {
    const [acme] = fleetOf(workload('orphaned', 1), workload('rowless', 1)).tenants;
    const globex = { ...acme!, name: 'globex', workloads: [workload('shop', 1)] };
    const fleet = { ...fleetOf(), tenants: [acme!, globex] };
    await fleets.up(fleet);
    await query(`DELETE FROM workloads WHERE name = 'orphaned'`);
    await query(`DELETE FROM instances WHERE name = 'rowless'`);
    expect(await fleets.down({ ...fleet, tenants: [acme!] })).toEqual({
      workloads: 1,
      instances: 3,
      failures: [],
    });
    expect(await provider.list()).toEqual([]);
    expect(await query('SELECT FROM instances')).toEqual([]);
    const deleted = await query(
      `SELECT payload ->> 'name' AS name FROM events WHERE type = 'instance.deleted'`,
    );
    expect(deleted).toEqual([{ name: 'orphaned' }, { name: 'shop' }]);
  });

  it('removes the row of an orphan whose process is gone', async () => {
    await fleets.up(fleetOf(workload('orphaned', 1)));
    await query('DELETE FROM workloads');
    for (const { instanceId } of await provider.list()) await provider.deprovision(instanceId);
    expect(await fleets.down(fleetOf())).toEqual({ workloads: 0, instances: 1, failures: [] });
    expect(await query('SELECT FROM instances')).toEqual([]);
  });

  it('reports what it cannot remove, keeps its rows and removes the rest', async () => {
    await fleets.up(fleetOf(workload('stuck', 1), workload('web', 1)));
    await query(`UPDATE instances SET provider = 'moon', provider_store = NULL WHERE name = 'stuck'`);
    const report = await fleets.down(fleetOf());
    expect(report).toMatchObject({ workloads: 1, instances: 1 });
    expect(report.failures.map(({ subject }) => subject)).toContain('acme/stuck');
    expect(report.failures.every(({ reason }) => reason.includes('no provider "moon"'))).toBe(true);
    expect(await query('SELECT name FROM instances')).toEqual([{ name: 'stuck' }]);
    expect(await query('SELECT name FROM workloads')).toEqual([{ name: 'stuck' }]);
  });

  it('stops with the reason of an aborted signal', async () => {
    const fleet = fleetOf(workload('web', 1));
    await fleets.up(fleet);
    const reason = new Error('enough');
    await expect(fleets.down(fleet, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await pidsOf('web')).toHaveLength(1);
  });
});

/** The first answer of a server that is starting up, within five seconds. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
