import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { InstanceRows } from '../../../test/support/instance-rows.js';
import { HttpAccessModule } from '../../core/http/http-access.module.js';
import { type InstanceId, newId, type TenantId } from '../ids/typed-id.js';
import { DatabaseModule } from '../schema/database.module.js';
import { RESOURCE_METRIC_NAMES, type ResourceSnapshot } from './resource-metrics.js';
import { TelemetryHttpModule } from './telemetry-http.module.js';
import { TelemetryModule } from './telemetry.module.js';
import { TelemetryStore } from './telemetry.store.js';

describe('telemetry over HTTP', () => {
  let app: INestApplication;
  let url: string;
  let database: { url: string; drop(): Promise<void> };
  const tenantId = newId('tenant');

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    const module = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        TelemetryModule.forRoot(),
        TelemetryHttpModule,
        HttpAccessModule.forRoot({ token: 'secret', openReads: true }),
      ],
    }).compile();
    app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
  });

  const get = async (path: string, token?: string) => {
    const response = await fetch(`${url}${path}`, {
      headers: token ? { authorization: `Bearer ${token}` } : {},
    });
    const text = await response.text();
    return { status: response.status, type: response.headers.get('content-type'), text };
  };

  it('shows what an instance uses and has used, and federates it to whoever has the token', async () => {
    const instanceId = await new InstanceRows(app.get(DataSource)).addInstance({ tenantId, age: 60_000 });
    const nothing = Object.fromEntries(RESOURCE_METRIC_NAMES.map((metric) => [metric, null])) as Pick<
      ResourceSnapshot,
      'cpuPercent'
    >;
    const store = app.get(TelemetryStore);
    const at = new Date();
    store.addResources([
      { ...nothing, tenantId, instanceId, at, startedAt: null, cpuPercent: 12.5 } as ResourceSnapshot,
    ]);
    store.addSamples([
      {
        tenantId,
        series: { name: 'jobs_total', kind: 'counter', labels: { queue: 'a"b' }, instanceId },
        at,
        value: 7,
        startedAt: null,
      },
    ]);
    await store.flush();

    const current = await get(`/instances/${instanceId}/metrics`);
    expect(JSON.parse(current.text)).toMatchObject({
      read_at: at.toISOString(),
      resources: { cpu_percent: 12.5, memory_working_set_bytes: null },
    });
    const windows = await get(`/instances/${instanceId}/metrics?name=cpu_percent&step=60&aggregation=max`);
    expect(JSON.parse(windows.text)).toMatchObject({
      name: 'cpu_percent',
      step_seconds: 60,
      series: [{ instance_id: instanceId, points: [[expect.any(String), 12.5]] }],
    });
    expect(await get('/telemetry/federate')).toMatchObject({ status: 401 });
    const federated = await get('/telemetry/federate', 'secret');
    expect(federated).toMatchObject({ status: 200, type: expect.stringContaining('text/plain') });
    const whose = `tenant="${tenantId}",instance="${instanceId}"`;
    expect(federated.text.split('\n')).toEqual(
      expect.arrayContaining([
        '# TYPE instance_cpu_percent gauge',
        `instance_cpu_percent{${whose}} 12.5 ${+at}`,
        `jobs_total{queue="a\\"b",${whose}} 7 ${+at}`,
      ]),
    );
    expect(federated.text).not.toContain('instance_memory_working_set_bytes');
  });

  describe('of all instances together', () => {
    const MINUTE = 60_000;
    const minute = Math.floor(Date.now() / MINUTE) * MINUTE;

    interface History {
      step_seconds: number;
      series: { labels: Record<string, string>; points: [string, number | null][] }[];
    }
    const history = async (owner: TenantId, query: string): Promise<History> => {
      const { status, text } = await get(`/usage/history?tenant_id=${owner}${query}`);
      expect([status, text]).toEqual([200, expect.any(String)]);
      return JSON.parse(text) as History;
    };
    /** By minutes before now. */
    const at = ({ points }: History['series'][number], ...ago: number[]) =>
      ago.map((n) => points.find(([instant]) => Date.parse(instant) === minute - n * MINUTE)?.[1]);

    /** Two readings a minute: the average is the value. */
    async function read(owner: TenantId, instanceId: InstanceId, use: Record<number, number>): Promise<void> {
      const nothing = Object.fromEntries(RESOURCE_METRIC_NAMES.map((metric) => [metric, null]));
      const store = app.get(TelemetryStore);
      for (const [ago, cpuPercent] of Object.entries(use))
        for (const [second, off] of [[10, -1], [40, 1]] as const)
          store.addResources([
            { ...nothing, tenantId: owner, instanceId, startedAt: null, at: new Date(minute - Number(ago) * MINUTE + second * 1_000), cpuPercent: cpuPercent + off, memoryWorkingSetBytes: 1_000 } as unknown as ResourceSnapshot,
          ]);
      await store.flush();
      await store.rollUp();
    } // prettier-ignore

    it('adds up what they used, minute by minute, and tells a gap from a zero', async () => {
      const owner = newId('tenant');
      const rows = new InstanceRows(app.get(DataSource));
      const [one, two] = [await rows.addInstance({ tenantId: owner, age: 0 }), await rows.addInstance({ tenantId: owner, age: 0 })]; // prettier-ignore
      await read(owner, one, { 20: 5, 19: 5, 15: 5 });
      await read(owner, two, { 20: 30, 18: 0, 15: 7 });
      const { step_seconds, series } = await history(owner, '');
      expect([step_seconds, series.length, series[0]!.labels, series[0]!.points.length]).toEqual([
        60,
        1,
        {},
        60,
      ]);
      expect(at(series[0]!, 21, 20, 19, 18, 17, 16, 15, 14)).toEqual([null, 35, 5, 0, null, null, 12, null]);
      // Only what was read a moment ago is shown.
      const nothing = Object.fromEntries(RESOURCE_METRIC_NAMES.map((metric) => [metric, null]));
      app.get(TelemetryStore).addResources([
        { ...nothing, tenantId: owner, instanceId: one, startedAt: null, at: new Date() } as unknown as ResourceSnapshot,
      ]);
      await app.get(TelemetryStore).flush();
      const { items } = JSON.parse((await get(`/usage?tenant_id=${owner}`)).text) as { items: { cpu: [string, number | null][] }[] };
      const course = items[0]!.cpu.map(([instant, value]) => [(minute - Date.parse(instant)) / MINUTE, value]);
      expect(course).toEqual([[20, 5], [19, 5], [18, null], [15, 5]]);
      const memory = await history(owner, '&metric=memory_working_set_bytes');
      expect(at(memory.series[0]!, 20, 19, 17)).toEqual([2_000, 1_000, null]);
    }); // prettier-ignore

    it('divides them by workload and datacenter, the largest first, and keeps what was deleted since', async () => {
      const owner = newId('tenant');
      const dataSource = app.get(DataSource);
      const rows = new InstanceRows(dataSource);
      const datacenter = newId('datacenter');
      await rows.addTenant(owner);
      await dataSource.query(`INSERT INTO datacenters (id, tenant_id, name) VALUES ($1, $2, 'north')`, [datacenter, owner]);
      const names: string[] = [];
      for (let n = 1; n <= 7; n++) {
        const workloadId = await rows.addWorkload(owner);
        names.push(workloadId);
        if (n === 7) await dataSource.query(`UPDATE workloads SET datacenter_id = $2 WHERE id = $1`, [workloadId, datacenter]);
        await read(owner, await rows.addInstance({ tenantId: owner, workloadId, age: 0 }), { 20: n * 10 });
      }
      const gone = await rows.addInstance({ tenantId: owner, age: 0 });
      await read(owner, gone, { 20: 100 });
      await rows.removeInstance(gone);
      const byWorkload = await history(owner, '&by=workload');
      expect(byWorkload.series.map((one) => [one.labels['workload'], at(one, 20)[0]])).toEqual([
        ['unknown', 100], [names[6], 70], [names[5], 60], [names[4], 50], [names[3], 40], ['3 others', 60],
      ]);
      const byDatacenter = await history(owner, '&by=datacenter');
      expect(byDatacenter.series.map((one) => [one.labels['datacenter'], at(one, 20)[0]])).toEqual([
        ['unknown', 310], ['north', 70],
      ]);
    }); // prettier-ignore

    it('is empty where nothing was read', async () => {
      const owner = newId('tenant');
      expect(await history(owner, '')).toEqual({ name: 'cpu_percent', step_seconds: 60, series: [] });
      expect(await history(owner, '&range=24h')).toMatchObject({ step_seconds: 3_600, series: [] });
      for (const query of ['metric=disk', 'by=provider', 'range=1y', 'tenant_id=x', 'what=1'])
        expect([query, (await get(`/usage/history?${query}`)).status]).toEqual([query, 400]);
    });
  });

  it.each([
    ['/instances/inst_x/metrics', 400],
    [`/instances/${newId('instance')}/metrics`, 404],
    [`/instances/${newId('instance')}/metrics?since=yesterday`, 400],
    [`/instances/${newId('instance')}/metrics?step=often`, 400],
    [`/instances/${newId('instance')}/metrics?aggregation=median`, 400],
  ])('answers %s with %i as problem details', async (path, status) => {
    const answer = await get(path);
    expect(answer).toMatchObject({ status, type: expect.stringContaining('application/problem+json') });
  });

  it('shows what instances use now and used in the last hour, page by page, those of one tenant alone', async () => {
    const owner = newId('tenant');
    const store = app.get(TelemetryStore);
    const rows = new InstanceRows(app.get(DataSource));
    const ids: string[] = [];
    const nothing = Object.fromEntries(RESOURCE_METRIC_NAMES.map((metric) => [metric, null]));
    const at = new Date(Date.now() - 1_000);
    for (let n = 0; n < 3; n++) {
      const instanceId = await rows.addInstance({ tenantId: owner, age: 60_000 });
      ids.push(instanceId);
      const values = { cpuPercent: n, memoryWorkingSetBytes: 1_000 * n, memoryLimitBytes: 5_000 };
      store.addResources([
        {
          ...nothing,
          tenantId: owner,
          instanceId,
          at,
          startedAt: null,
          ...values,
        } as unknown as ResourceSnapshot,
      ]);
    }
    await store.flush();
    const seen: { id: string }[] = [];
    let after = '';
    do {
      const { status, text } = await get(`/usage?tenant_id=${owner}&limit=2${after}`);
      expect(status).toBe(200);
      const page = JSON.parse(text) as { items: { id: string }[]; next?: string };
      seen.push(...page.items);
      after = page.next === undefined ? '' : `&after=${page.next}`;
    } while (after);
    expect(seen.map(({ id }) => id)).toEqual(ids.toSorted());
    expect(seen.find(({ id }) => id === ids[2])).toMatchObject({
      name: 'web',
      cpu_percent: 2,
      memory_working_set_bytes: 2_000,
      memory_limit_bytes: 5_000,
      cpu: [[expect.stringMatching(/Z$/), 2]],
      memory: [[expect.any(String), 2_000]],
    });
    const all = JSON.parse((await get('/usage?limit=1000')).text) as { items: { id: string }[] };
    expect(all.items.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
    expect((await get('/usage?tenant_id=x')).status).toBe(400);
  });
});
