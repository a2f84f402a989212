import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { InstanceRows } from '../../../test/support/instance-rows.js';
import { HttpAccessModule } from '../../core/http/http-access.module.js';
import { newId } from '../ids/typed-id.js';
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
