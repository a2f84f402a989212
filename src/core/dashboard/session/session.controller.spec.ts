import { type INestApplication, type Type } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Scheduler } from '../../scheduler/scheduler.js';
import { WorkerModule } from '../../worker.module.js';
import { type WorkerDashboardOptions } from '../dashboard.options.js';
import { WorkerDashboardModule } from '../worker-dashboard.module.js';

const TOKEN = 'a-token-that-may-do-everything';
const READ_TOKEN = 'a-token-that-may-read';

describe.each([
  ['Express', ExpressAdapter],
  ['Fastify', FastifyAdapter],
] as [string, Type<ExpressAdapter | FastifyAdapter>][])('the session of the page on %s', (_name, Adapter) => {
  const apps: INestApplication[] = [];

  async function start(options: WorkerDashboardOptions): Promise<string> {
    const module = await Test.createTestingModule({
      imports: [WorkerModule.forRoot(), WorkerDashboardModule.forRoot(options)],
    })
      .setLogger(false as never)
      .compile();
    const app = module.createNestApplication(new Adapter(), { logger: false });
    app.setGlobalPrefix('admin');
    await app.listen(0, '127.0.0.1');
    app.get(Scheduler).register({ name: 'one', interval: 0, run() {} });
    apps.push(app);
    return `${await app.getUrl()}/admin`;
  }
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });

  const login = (url: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}/dashboard/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const cookieIn = (answer: Response) => answer.headers.get('set-cookie')!.split(';')[0]!;

  it.each(['GET', 'POST', 'DELETE'])('refuses a parameter that %s does not have', async (method) => {
    const url = await start({ token: TOKEN });
    const answer = await fetch(`${url}/dashboard/session?remember=1`, {
      method,
      headers: { 'x-workers-token': TOKEN, ...(method === 'POST' && { 'content-type': 'application/json' }) },
      ...(method === 'POST' && { body: JSON.stringify({ token: TOKEN }) }),
    });
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([400, null]);
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('"remember"') });
  });

  it('is begun by the token, and is good for what the token is', async () => {
    const url = await start({ token: TOKEN, readToken: READ_TOKEN });
    for (const [token, right, status] of [
      [TOKEN, 'write', 202],
      [READ_TOKEN, 'read', 403],
    ] as const) {
      const answer = await login(url, { token, path: '/admin/' });
      expect([answer.status, await answer.json()]).toEqual([
        200,
        { right, read_only: false, until: expect.stringMatching(/Z$/) },
      ]);
      expect(answer.headers.get('set-cookie')).toMatch(
        /^ctrlplane_workers_session=\d+\.[\w-]{43}; Path=\/admin\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
      );
      const headers = { cookie: `other=1; ${cookieIn(answer)}` };
      expect((await fetch(`${url}/workers`, { headers })).status).toBe(200);
      expect((await fetch(`${url}/workers/one/trigger`, { method: 'POST', headers })).status).toBe(status);
      expect(await (await fetch(`${url}/dashboard/session`, { headers })).json()).toEqual({
        right,
        read_only: false,
        until: expect.stringMatching(/Z$/),
      });
      // The application's own token stands beside it.
      expect(
        (await fetch(`${url}/workers`, { headers: { ...headers, authorization: 'Bearer jwt' } })).status,
      ).toBe(200);
    }
  });

  it('is good on every replica that has the token, and on none that has another', async () => {
    const [one, other, third] = [
      await start({ token: TOKEN }),
      await start({ token: TOKEN }),
      await start({ token: 'another-token' }),
    ];
    const cookie = cookieIn(await login(one, { token: TOKEN }));
    expect((await fetch(`${other}/workers`, { headers: { cookie } })).status).toBe(200);
    expect((await fetch(`${third}/workers`, { headers: { cookie } })).status).toBe(401);
  });

  it('lets no page of another site do anything with it', async () => {
    const url = await start({ token: TOKEN });
    const cookie = cookieIn(await login(url, { token: TOKEN }));
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'http://evil.example' }] as Record<
      string,
      string
    >[]) {
      expect(
        (await fetch(`${url}/workers/one/trigger`, { method: 'POST', headers: { cookie, ...headers } }))
          .status,
      ).toBe(403);
      expect((await login(url, { token: TOKEN }, headers)).status).toBe(403);
    }
  });

  it('is sent over TLS alone where the page came by it', async () => {
    const url = await start({ token: TOKEN });
    const answer = await login(url, { token: TOKEN }, { 'x-forwarded-proto': 'https' });
    expect(answer.headers.get('set-cookie')).toContain('; Secure');
  });

  it('is not begun by a wrong token, nor tried for ever', async () => {
    const url = await start({ token: TOKEN, openReads: true });
    const statuses = [];
    for (let n = 0; n < 12; n++) statuses.push((await login(url, { token: `guess-${n}` })).status);
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429]);
    // The API counts with it.
    expect(
      (await fetch(`${url}/workers/one/pause`, { method: 'POST', headers: { 'x-workers-token': TOKEN } }))
        .status,
    ).toBe(429);
  });

  it.each([
    [{}], [{ token: '' }], [{ token: 5 }], [[]], [{ token: TOKEN, path: 'x' }], [{ token: TOKEN, path: '/; Domain=evil' }],
    [{ token: TOKEN, path: '/\n' }], [{ token: TOKEN, other: 1 }],
  ])('is refused for %j', async (body) => {
    const answer = await login(await start({ token: TOKEN }), body);
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([400, null]);
  }); // prettier-ignore

  it('ends when it is told to', async () => {
    const url = await start({ token: TOKEN });
    const answer = await fetch(`${url}/dashboard/session?path=/admin/`, { method: 'DELETE' });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('set-cookie')).toMatch(
      /^ctrlplane_workers_session=; Path=\/admin\/;.*Max-Age=0$/,
    );
    expect((await fetch(`${url}/dashboard/session?path=;`, { method: 'DELETE' })).status).toBe(400);
  });

  it('says what may be done without it', async () => {
    const rights = async (options: WorkerDashboardOptions) => {
      const answer = await fetch(`${await start(options)}/dashboard/session`);
      return answer.status === 200 ? await answer.json() : answer.status;
    };
    expect(await rights({ token: TOKEN, openReads: true })).toEqual({ right: 'read', read_only: false });
    expect(await rights({ guards: [{ canActivate: () => true }], readOnly: true })).toEqual({
      right: 'write',
      read_only: true,
    });
    expect(await rights({ token: TOKEN })).toBe(401);
    expect(await rights({})).toBe(403);
  });

  it.each([
    ['it was made so', { token: TOKEN, openReads: true, readOnly: true }],
    ['there is no token', { openReads: true }],
    ['there is a token for reading alone', { readToken: READ_TOKEN, openReads: true }],
  ])('says that nobody can change anything, as %s', async (_why, options) => {
    const url = await start(options);
    expect(await (await fetch(`${url}/dashboard/session`)).json()).toEqual({
      right: 'read',
      read_only: true,
    });
    for (const headers of [{}, { 'x-workers-token': TOKEN }, { 'x-workers-token': READ_TOKEN }] as object[])
      expect(
        (await fetch(`${url}/workers/one/pause`, { method: 'POST', headers: { ...headers } })).status,
      ).toBe(403);
  });

  it('takes no token of the application for a wrong one of its own, where guards alone decide', async () => {
    const url = await start({ guards: [{ canActivate: () => true }] });
    for (let n = 0; n < 12; n++) {
      const answer = await fetch(`${url}/dashboard/session`, {
        headers: { authorization: `Bearer jwt-${n}` },
      });
      expect([answer.status, await answer.json()]).toEqual([200, { right: 'write', read_only: false }]);
    }
  });
});
