import { type INestApplication, type Type } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ApiController } from '../http/api-controller.js';
import { DashboardTab } from '../http/dashboard-tab.js';
import { HttpAccessModule } from '../http/http-access.module.js';
import { WorkerModule } from '../worker.module.js';
import { WorkerDashboardModule } from './worker-dashboard.module.js';

const TOKEN = 'a-token-of-the-test';

@ApiController('uploads')
@DashboardTab({ id: 'uploads', title: 'Uploads', columns: [] })
class UploadsController {}

describe.each([
  ['Express', ExpressAdapter],
  ['Fastify', FastifyAdapter],
] as [string, Type<ExpressAdapter | FastifyAdapter>][])('the dashboard on %s', (name, Adapter) => {
  let app: INestApplication;

  async function start(
    path?: string,
    prefix?: string,
    prepare: (made: INestApplication) => void = () => {},
    adapter = new Adapter(),
  ) {
    const module = await Test.createTestingModule({
      imports: [
        WorkerModule.forRoot(),
        HttpAccessModule.forRoot({ openReads: true }),
        WorkerDashboardModule.forRootAsync({ useFactory: () => ({ token: TOKEN, openReads: true }), path }),
      ],
      controllers: [UploadsController],
    })
      .setLogger(false as never)
      .compile();
    app = module.createNestApplication(adapter, { logger: false });
    if (prefix) app.setGlobalPrefix(prefix);
    prepare(app);
    await app.listen(0, '127.0.0.1');
    return app.getUrl();
  }
  afterEach(() => app.close());

  it.each([
    [undefined, undefined, '', 'uploads'],
    [undefined, 'api/v1', '/api/v1', 'uploads'],
    ['/admin/', undefined, '/admin', '../uploads'],
    ['ops/workers', 'api', '/api/ops/workers', '../../uploads'],
  ])('is mounted at path %j with the global prefix %j below %j', async (path, prefix, below, tab) => {
    const url = await start(path, prefix);
    for (const one of ['workers', 'runs', 'replicas', 'dashboard/session', 'dashboard/tabs'])
      expect([one, (await fetch(`${url}${below}/${one}`)).status]).toEqual([one, 200]);
    const live = await fetch(`${url}${below}/dashboard/live`, { method: 'HEAD' });
    expect(live.status).toBe(200);
    expect(await (await fetch(`${url}${below}/dashboard/tabs`)).json()).toMatchObject([{ path: tab }]);
    const entered = await fetch(`${url}${below}/dashboard`, { redirect: 'manual' });
    // Relative: whatever path a proxy has taken away, it is not lost.
    expect([entered.status, entered.headers.get('location')]).toEqual([302, 'dashboard/index.html']);
    const slashed = await fetch(`${url}${below}/dashboard/`, { redirect: 'manual' });
    expect([slashed.status, slashed.headers.get('location')]).toEqual([302, 'index.html']);
    for (const one of ['session', 'tabs'])
      expect([one, (await fetch(`${url}${below}/dashboard/${one}/`)).status]).toEqual([one, 200]);
    const session = { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } };
    expect((await fetch(`${url}${below}/dashboard/nothing/`, session)).status).toBe(404);
    if (below) expect((await fetch(`${url}/workers`)).status).toBe(404);
    // Where the page asks for the tab's list.
    const asked = new URL(`../${tab}`, `${url}${below}/dashboard/index.html`);
    expect(asked.pathname).toBe(`${prefix ? `/${prefix}` : ''}/uploads`);
  });

  it('answers a slash at the end also where the application ignores it, or has a route of its own there', async () => {
    if (name === 'Express') return void (await start());
    await start(undefined, undefined, (made) => {
      const fastify = made.getHttpAdapter().getInstance() as FastifyInstance;
      fastify.get('/dashboard/', () => 'mine');
    });
    expect(await (await fetch(`${await app.getUrl()}/dashboard/`)).text()).toBe('mine');
    await app.close();
    const url = await start(
      undefined,
      undefined,
      () => {},
      new FastifyAdapter({ routerOptions: { ignoreTrailingSlash: true } }),
    );
    expect((await fetch(`${url}/dashboard/`, { redirect: 'manual' })).status).toBe(302);
  });

  it('keeps the policy of its page where the application sets one for all its answers', async () => {
    const theirs = "default-src 'self'; script-src 'self' 'unsafe-inline'";
    const url = await start(undefined, undefined, (made) => {
      if (name === 'Express')
        made.use(
          (_: unknown, response: { setHeader(name: string, value: string): void }, next: () => void) => {
            response.setHeader('Content-Security-Policy', theirs);
            next();
          },
        );
      else
        (made.getHttpAdapter().getInstance() as FastifyInstance).addHook('onRequest', (_, reply, done) => {
          reply.header('Content-Security-Policy', theirs);
          done();
        });
    });
    const page = await fetch(`${url}/dashboard/index.html`);
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    );
    const workers = await fetch(`${url}/workers`);
    expect(workers.headers.get('content-security-policy')).toBe(theirs);
    const live = await fetch(`${url}/dashboard/live`, { method: 'HEAD' });
    expect(live.headers.get('content-security-policy')).toBe(theirs);
  });
});

interface FastifyInstance {
  get(path: string, handler: () => string): void;
  addHook(
    name: 'onRequest',
    hook: (request: unknown, reply: { header(name: string, value: string): void }, done: () => void) => void,
  ): void;
}
