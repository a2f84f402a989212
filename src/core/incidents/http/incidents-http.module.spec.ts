import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HttpAccessModule } from '../../http/http-access.module.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { Clock } from '../../timing/clock.js';
import { WorkerModule } from '../../worker.module.js';
import { Incidents } from '../incidents.js';
import { IncidentsModule } from '../incidents.module.js';
import { IncidentsHttpModule } from './incidents-http.module.js';

const TOKEN = 'a-token-of-the-test';
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const NOBODY = '1e1e1e1e-0000-4000-8000-000000000000';

let app: INestApplication;
let incidents: Incidents;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  // Nobody listens there.
  const webhooks = [{ name: 'ops', url: 'http://127.0.0.1:1/secret-path', secret: SECRET }];
  const module = await Test.createTestingModule({
    imports: [
      WorkerModule.forRoot({ autoStart: false }),
      IncidentsModule.forRoot({ webhooks }),
      HttpAccessModule.forRoot({ token: TOKEN }),
      IncidentsHttpModule,
    ],
  })
    .overrideProvider(Clock)
    .useValue(clock)
    .compile();
  app = module.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  incidents = app.get(Incidents);
});
afterEach(async () => {
  const closed = app.close();
  await clock.advance('1m');
  await closed;
});

interface Answer {
  status: number;
  body: any; // eslint-disable-line @typescript-eslint/no-explicit-any
}

async function ask(path: string, init: RequestInit & { json?: unknown } = {}): Promise<Answer> {
  const { json, ...rest } = init;
  const response = await fetch(`${await app.getUrl()}/incidents${path}`, {
    ...rest,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'x-workers-actor': 'ann',
      ...(json !== undefined && { 'content-type': 'application/json' }),
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : undefined };
}

const report = (subject: string, condition = 'failing') =>
  incidents.report({ kind: 'worker', subject, condition, summary: `Worker "${subject}" is ${condition}` });

describe('incidents over HTTP', () => {
  it('are for whoever has the token', async () => {
    for (const path of ['', `/${NOBODY}`, '/silences', '/deliveries'])
      expect((await fetch(`${await app.getUrl()}/incidents${path}`)).status).toBe(401);
    const write = { method: 'POST' };
    for (const path of ['/silences', `/deliveries/${NOBODY}/resend`])
      expect((await fetch(`${await app.getUrl()}/incidents${path}`, write)).status).toBe(401);
  });

  it('are listed newest first, page by page, by what they are', async () => {
    for (const subject of ['a', 'b', 'c']) {
      await report(subject);
      await clock.advance('1s');
    }
    await incidents.resolve({ kind: 'worker', subject: 'b', condition: 'failing' });
    const { body: page } = await ask('?limit=2');
    expect(page.items.map(({ subject }: { subject: string }) => subject)).toEqual(['c', 'b']);
    expect(page.items[0]).toEqual({
      id: expect.any(String),
      kind: 'worker',
      subject: 'c',
      condition: 'failing',
      summary: 'Worker "c" is failing',
      opened_at: '2026-01-01T00:00:02.000Z',
      told_at: '2026-01-01T00:00:02.000Z',
    });
    expect(page.items[1]).toMatchObject({ closed_at: '2026-01-01T00:00:03.000Z' });
    const { body: rest } = await ask(`?limit=2&before=${page.next}`);
    expect(rest).toEqual({ items: [expect.objectContaining({ subject: 'a' })] });
    const subjects = async (query: string) =>
      (await ask(query)).body.items.map(({ subject }: { subject: string }) => subject);
    expect(await subjects('?state=open')).toEqual(['c', 'a']);
    expect(await subjects('?state=closed')).toEqual(['b']);
    expect(await subjects('?subject=a&kind=worker&condition=failing')).toEqual(['a']);
    expect(await subjects('?kind=tenant')).toEqual([]);
    expect((await ask(`/${page.items[0].id}`)).body).toEqual(page.items[0]);
  });

  it.each([
    ['?state=ajar', 400, /give one of open, closed/],
    ['?before=x', 400, /give `next` of the page before/],
    ['?limit=0', 400, /give a whole number/],
    ['?worker=a', 400, /There is no parameter "worker"/],
    [`/${NOBODY}`, 404, /There is no incident/],
    ['/nonsense', 404, /There is no incident "nonsense"/],
    ['/deliveries?state=x', 400, /give one of pending, delivered, failed/],
  ])('answers %s with %d', async (path, status, detail) => {
    expect(await ask(path)).toMatchObject({ status, body: { detail: expect.stringMatching(detail) } });
  });

  it('are silenced, and the silence is ended', async () => {
    const made = await ask('/silences', {
      method: 'POST',
      json: { subject: 'a', for: '2h', reason: 'known' },
    });
    expect(made).toEqual({
      status: 201,
      body: {
        id: expect.any(String),
        subject: 'a',
        until: '2026-01-01T02:00:00.000Z',
        created_at: '2026-01-01T00:00:00.000Z',
        reason: 'known',
        actor: 'ann',
      },
    });
    expect((await ask('/silences')).body).toEqual([made.body]);
    await report('a');
    expect((await ask('?state=open')).body.items[0]).not.toHaveProperty('told_at');
    expect((await ask(`/silences/${made.body.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await ask('?state=open')).body.items[0]).toHaveProperty('told_at');
    expect((await ask('/silences')).body).toEqual([]);
    for (const id of [made.body.id, NOBODY, 'nonsense'])
      expect((await ask(`/silences/${id}`, { method: 'DELETE' })).status).toBe(404);
    const until = await ask('/silences', { method: 'POST', json: { until: '2026-01-01T05:00:00+01:00' } });
    expect(until.body).toMatchObject({ until: '2026-01-01T04:00:00.000Z' });
  });

  it.each([
    [[], /the body is no object/],
    [{ worker: 'a', for: '1h' }, /there is no field "worker"/],
    [{ actor: 'eve', for: '1h' }, /there is no field "actor"/],
    [{ for: 5 }, /for is no text/],
    [{ for: 'soon' }, /is not a duration/],
    [{ until: 'tomorrow' }, /until is no instant/],
    [{ until: '2020-01-01T00:00:00Z' }, /ends now or before/],
    [{}, /one end/],
    [{ for: '1h', subject: 'a\0' }, /is no text of 1 to 300/],
  ])('refuses the silence %j', async (json, detail) => {
    expect(await ask('/silences', { method: 'POST', json })).toMatchObject({
      status: 400,
      body: { detail: expect.stringMatching(detail) },
    });
  });

  it('shows deliveries without address and secret, and sends one again', async () => {
    await report('a');
    const { body } = await ask('/deliveries');
    expect(body.items).toEqual([
      expect.objectContaining({
        endpoint: 'ops',
        event: 'incident.opened',
        incident: expect.objectContaining({ subject: 'a', opened_at: expect.any(String) }),
        state: 'pending',
      }),
    ]);
    expect(JSON.stringify(body)).not.toMatch(/secret-path|whsec/);
    const [{ id }] = body.items;
    expect(await ask(`/deliveries/${id}/resend`, { method: 'POST' })).toMatchObject({
      status: 202,
      body: { id, state: 'pending' },
    });
    for (const unknown of [NOBODY, 'nonsense'])
      expect((await ask(`/deliveries/${unknown}/resend`, { method: 'POST' })).status).toBe(404);
    expect((await ask('/deliveries?endpoint=other')).body).toEqual({ items: [] });
  });
});
