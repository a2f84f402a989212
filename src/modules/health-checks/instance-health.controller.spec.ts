import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { asSystem } from '../../../test/support/control-plane.js';
import { InstanceRows } from '../../../test/support/instance-rows.js';
import { HttpAccessModule } from '../../core/http/http-access.module.js';
import { EventBus } from '../events/event-bus.js';
import { type HealthCheckId, type InstanceId, newId } from '../ids/typed-id.js';
import { DatabaseModule } from '../schema/database.module.js';
import { HealthCheckRepository } from './health-check.repository.js';
import { HealthHttpModule } from './health-http.module.js';
import { HealthHistoryRepository } from './health-history.repository.js';
import { HealthModule } from './health.module.js';

const TOKEN = 'secret';

describe('the health of an instance over HTTP', () => {
  let database: { url: string; drop(): Promise<void> };
  let app: INestApplication;
  let url: string;
  let rows: InstanceRows;
  const tenantId = newId('tenant');
  const ends: (() => void)[] = [];

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    const module = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        HealthModule.forRoot(),
        HealthHttpModule,
        HttpAccessModule.forRoot({ token: TOKEN, openReads: true }),
      ],
    }).compile();
    app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    rows = new InstanceRows(app.get(DataSource));
    await app.get(HealthHistoryRepository).maintain();
  });
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
  });

  const instance = (): Promise<InstanceId> => rows.addInstance({ tenantId, age: 0 });
  const ask = async (
    method: string,
    path: string,
    { token, body }: { token?: string; body?: object } = {},
  ) => {
    const response = await fetch(`${url}/instances/${path}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, body: text === '' ? undefined : JSON.parse(text) };
  };
  const check = (name: string, more: object = {}) => ({
    name,
    interval: '30s',
    probe: {
      type: 'http',
      url: 'https://example.com/',
      headers: { authorization: 'Bearer hunter2' },
      ...more,
    },
  });
  const make = async (id: InstanceId, name: string): Promise<string> =>
    (await ask('POST', `${id}/checks`, { token: TOKEN, body: check(name) })).body.id;

  it('makes a check, shows it without its secrets, and removes it', async () => {
    const id = await instance();
    const made = await ask('POST', `${id}/checks`, { token: TOKEN, body: check('web') });
    expect([made.status, made.body.name, made.body.interval]).toEqual([201, 'web', 30_000]);
    const listed = await ask('GET', `${id}/checks`);
    expect(listed.body.items).toMatchObject([{ id: made.body.id, instance_id: id }]);
    const health = await ask('GET', `${id}/health`);
    expect(health.body).toMatchObject({
      instance_id: id,
      status: 'starting',
      checks: [{ status: 'starting', flapping: false }],
    });
    expect(made.text + listed.text + health.text).not.toContain('hunter2');
    expect((await ask('DELETE', `${id}/checks/${made.body.id}`, { token: TOKEN })).status).toBe(204);
    expect((await ask('DELETE', `${id}/checks/${made.body.id}`, { token: TOKEN })).status).toBe(204);
    expect((await ask('GET', `${id}/checks`)).body.items).toEqual([]);
  });

  it('changes nothing without the token', async () => {
    const id = await instance();
    const check_ = await make(id, 'web');
    for (const token of [undefined, 'wrong']) {
      expect((await ask('POST', `${id}/checks`, { token, body: check('x') })).status).toBe(401);
      expect((await ask('DELETE', `${id}/checks/${check_}`, { token })).status).toBe(401);
    }
    expect((await ask('GET', `${id}/checks`)).body.items).toHaveLength(1);
  });

  it('says what is wrong with what it is given: 400 with the field, 404, 409', async () => {
    const id = await instance();
    const bad = await ask('POST', `${id}/checks`, {
      token: TOKEN,
      body: check('web', { url: 'http://u:hunter2@example.com' }),
    });
    expect([bad.status, bad.text]).toEqual([400, expect.stringContaining('probe.url: credentials in a URL')]);
    expect(bad.text).not.toContain('hunter2');
    await make(id, 'web');
    expect((await ask('POST', `${id}/checks`, { token: TOKEN, body: check('web') })).status).toBe(409);
    for (const path of [
      'health',
      'checks',
      'history',
      'health/stream',
      `checks/${newId('healthCheck')}/report`,
    ]) {
      expect([path, (await ask('GET', `${newId('instance')}/${path}`)).status]).toEqual([path, 404]);
      expect([path, (await ask('GET', `inst_x/${path}`)).status]).toEqual([path, 400]);
    }
    expect((await ask('GET', `${id}/checks/chk_x/report`)).status).toBe(400);
    expect((await ask('GET', `${id}/checks?limit=0`)).status).toBe(400);
    expect((await ask('GET', `${id}/checks?after=nowhere`)).status).toBe(400);
    expect((await ask('GET', `${id}/history?before=yesterday`)).status).toBe(400);
  });

  it('knows no check of another instance under this one', async () => {
    const [id, other] = [await instance(), await instance()];
    const foreign = await make(other, 'web');
    expect((await ask('GET', `${id}/checks/${foreign}/report`)).status).toBe(404);
    expect((await ask('DELETE', `${id}/checks/${foreign}`, { token: TOKEN })).status).toBe(204);
    expect((await ask('GET', `${other}/checks`)).body.items).toHaveLength(1);
    expect((await ask('GET', `${other}/checks/${foreign}/report`)).body).toMatchObject({
      '1h': { results: 0 },
    });
  });

  it('takes the call of a target, with the token, and no other', async () => {
    const id = await instance();
    const body = { name: 'backup', interval: '1h', probe: { type: 'push' } };
    const push = (await ask('POST', `${id}/checks`, { token: TOKEN, body })).body.id;
    const path = `${id}/checks/${push}/push`;
    expect((await ask('POST', path)).status).toBe(401);
    expect((await ask('POST', path, { token: 'wrong' })).status).toBe(401);
    expect((await ask('POST', path, { token: TOKEN })).status).toBe(204);
    const said = { outcome: 'failure', message: 'disk full' };
    expect((await ask('POST', path, { token: TOKEN, body: said })).status).toBe(204);
    expect(await app.get(HealthCheckRepository).pushState(push)).toMatchObject({ last: said });
    const bad = await ask('POST', path, { token: TOKEN, body: { outcome: 'unknown' } });
    expect([bad.status, bad.text]).toEqual([400, expect.stringContaining('outcome')]);
    const web = await make(id, 'web');
    expect((await ask('POST', `${id}/checks/${web}/push`, { token: TOKEN })).status).toBe(409);
    expect((await ask('POST', `${await instance()}/checks/${push}/push`, { token: TOKEN })).status).toBe(404);
  });

  it('shows the newest results of all checks, or of one by id or name', async () => {
    const id = await instance();
    const [web, api] = [await make(id, 'web'), await make(id, 'api')];
    const writer = app.get(HealthHistoryRepository).writer();
    const base = Math.floor(Date.now() / 1_000) * 1_000 - 10_000;
    for (const [n, checkId] of [web, api, web].entries()) {
      const at = new Date(base + n * 1_000);
      writer.add([
        {
          checkId: checkId as never,
          dueAt: at,
          startedAt: at,
          outcome: 'success',
          message: `run ${n}`,
          duration: 5,
          maintenance: false,
        },
      ]);
    }
    await writer.close();
    const messages = async (query = '') =>
      (await ask('GET', `${id}/history${query}`)).body.map(({ message }: { message: string }) => message);
    expect(await messages()).toEqual(['run 2', 'run 1', 'run 0']);
    expect(await messages('?limit=1')).toEqual(['run 2']);
    expect(await messages('?check=api')).toEqual(['run 1']);
    expect(await messages(`?check=${web}`)).toEqual(['run 2', 'run 0']);
    expect(await messages(`?before=${new Date(base + 2_000).toISOString()}`)).toEqual(['run 1', 'run 0']);
    expect((await ask('GET', `${id}/health`)).body.checks[0].last.message).toBe('run 2');
  });

  it('shows the results of every check of an instance that has more than a thousand', async () => {
    const id = await instance();
    const first = await make(id, 'first');
    const copies = Array.from({ length: 1_000 }, () => newId('healthCheck'));
    await app.get(DataSource).query(
      `INSERT INTO health_checks (id, tenant_id, instance_id, name, probe, interval_ms, timeout_ms, failure_threshold,
         success_threshold, initial_delay_ms, startup_grace_ms, on_unhealthy, max_restarts_per_hour, enabled)
       SELECT copy, tenant_id, instance_id, copy, probe, interval_ms, timeout_ms, failure_threshold,
         success_threshold, initial_delay_ms, startup_grace_ms, on_unhealthy, max_restarts_per_hour, enabled
       FROM health_checks, unnest($2::text[]) AS copy WHERE id = $1`,
      [first, copies],
    );
    const last = (await make(id, 'last')) as HealthCheckId;
    const writer = app.get(HealthHistoryRepository).writer();
    const at = new Date();
    const found = { outcome: 'success', message: 'of the last', duration: 5, maintenance: false } as const;
    writer.add([{ ...found, checkId: last, dueAt: at, startedAt: at }]);
    await writer.close();
    for (const query of ['', '?check=last', `?check=${last}`])
      expect((await ask('GET', `${id}/history${query}`)).body).toMatchObject([{ message: 'of the last' }]);
    expect((await ask('GET', `${id}/history?check=none`)).body).toEqual([]);
  });

  it('streams transitions of the instance, and no others, until the client goes', async () => {
    const [id, other] = [await instance(), await instance()];
    const gone = new AbortController();
    ends.push(() => gone.abort());
    const response = await fetch(`${url}/instances/${id}/health/stream`, { signal: gone.signal });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const tell = (instanceId: InstanceId, type: string) =>
      asSystem(() =>
        app.get(EventBus, { strict: false }).publish({
          type,
          tenantId,
          payload: {
            checkId: newId('healthCheck'),
            name: 'web',
            instanceId,
            status: 'unhealthy',
            message: 'm',
          },
        }),
      );
    await tell(other, 'health.failed');
    await tell(id, 'health.recovered');
    let text = '';
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk as Uint8Array).toString();
      if (text.includes('recovered') && text.includes('created_at')) break;
    }
    expect(text).toContain('event: health.recovered');
    expect(text).not.toContain('health.failed');
  });
});
