import 'reflect-metadata';
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { CacheInterceptor, CacheModule, CacheTTL } from '@nestjs/cache-manager';
import {
  type CanActivate, Controller, type ExecutionContext, Get, Injectable, Module, SetMetadata, type Type, UnauthorizedException,
  UseGuards, ValidationPipe,
} from '@nestjs/common'; // prettier-ignore
import { APP_GUARD, APP_INTERCEPTOR, NestFactory, Reflector } from '@nestjs/core';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { SkipThrottle, ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { Interval, WorkerModule } from 'ctrlplane-workers';
import { RunsController, WorkerDashboardModule, WorkersController } from 'ctrlplane-workers/dashboard';
import { ApiController, HttpAccessModule } from 'ctrlplane-workers/http';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a document of any shape
type Json = any;

const TOKEN = 'a-token-of-the-test';

@Injectable()
class Greeter {
  @Interval('greeter', '1h')
  greet() {}
}

@Controller('own')
class OwnController {
  calls = 0;
  @Get()
  count() {
    return { calls: ++this.calls };
  }
}

@ApiController('others')
class OtherController {
  calls = 0;
  @Get()
  count() {
    return { calls: ++this.calls };
  }
}

const Public = () => SetMetadata('public', true);

/** As most applications have it: by a bearer token of theirs, unless the route is public. */
@Injectable()
class JwtGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}
  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.getAllAndOverride('public', [context.getHandler(), context.getClass()])) return true;
    if (context.switchToHttp().getRequest().headers.authorization === 'Bearer jwt') return true;
    throw new UnauthorizedException('no JWT');
  }
}

@Injectable()
class AdminGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    return context.switchToHttp().getRequest().headers['x-role'] === 'admin';
  }
}

let app: Awaited<ReturnType<typeof NestFactory.create>>;
let base: string;
afterEach(() => app.close());

async function start(
  dashboard: unknown[],
  { imports = [], providers = [], controllers = [] }: { imports?: unknown[]; providers?: unknown[]; controllers?: Type[] } = {},
  prepare: (made: typeof app) => void = () => {},
): Promise<void> {
  @Module({
    imports: [WorkerModule.forRoot(), ...dashboard, ...imports] as never[],
    providers: [Greeter, ...(providers as never[])],
    controllers: [OwnController, ...controllers],
  })
  class AppModule {}
  app = await NestFactory.create(AppModule, { logger: false });
  prepare(app);
  await app.listen(0, '127.0.0.1');
  base = await app.getUrl();
} // prettier-ignore

const status = async (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  (await fetch(base + path, { method, headers })).status;
const API = ['/workers', '/workers/greeter', '/workers/greeter/runs', '/runs', '/dashboard/tabs'];

describe('behind a global guard that wants a bearer token of its own', () => {
  const jwt = [{ provide: APP_GUARD, useClass: JwtGuard }];

  it('takes both tokens, each in its own header', async () => {
    await start([WorkerDashboardModule.forRoot({ token: TOKEN })], { providers: jwt });
    for (const path of API) {
      assert.equal(await status(path, { authorization: 'Bearer jwt', 'x-workers-token': TOKEN }), 200, path);
      assert.equal(await status(path, { authorization: 'Bearer jwt' }), 401, path);
      assert.equal(await status(path, { 'x-workers-token': TOKEN }), 401, path);
    }
  });

  for (const [how, module] of [
    ['forRoot', () => WorkerDashboardModule.forRoot({ token: TOKEN, decorators: [Public()] })],
    ['forRootAsync', () => WorkerDashboardModule.forRootAsync({ useFactory: () => ({ token: TOKEN }), decorators: [Public()] })],
  ] as const)
    it(`is left alone by it when ${how} says so, the page too`, async () => {
      await start([module()], { providers: jwt });
      for (const path of API) {
        assert.equal(await status(path, { authorization: `Bearer ${TOKEN}` }), 200, path);
        assert.equal(await status(path), 401, path);
      }
      assert.equal(await status('/dashboard/index.html'), 200);
      assert.equal(await status('/own'), 401);
    }); // prettier-ignore

  it('of two applications in a process, one says so and the other does not', async () => {
    await start([WorkerDashboardModule.forRoot({ token: TOKEN, decorators: [Public()] })], {
      providers: jwt,
    });
    await app.close();
    await start([WorkerDashboardModule.forRoot({ token: TOKEN })], { providers: jwt });
    assert.equal(await status('/workers', { authorization: `Bearer ${TOKEN}` }), 401);
  });
});

describe('guards of the application', () => {
  it('decide alone where there is no token', async () => {
    await start([WorkerDashboardModule.forRoot({ guards: [AdminGuard] })]);
    for (const path of API) {
      assert.equal(await status(path, { 'x-role': 'admin' }), 200, path);
      assert.equal(await status(path), 403, path);
    }
    assert.equal(await status('/workers/greeter/trigger', { 'x-role': 'admin' }, 'POST'), 202);
    assert.equal(await status('/workers/greeter/trigger', {}, 'POST'), 403);
  });

  it('decide after the token where there is one, and with forRootAsync; a class is injected, an instance taken as it is', async () => {
    const instance = new AdminGuard();
    await start([WorkerDashboardModule.forRootAsync({ useFactory: () => ({ token: TOKEN, guards: [JwtGuard, instance] }) })]);
    const all = { authorization: 'Bearer jwt', 'x-workers-token': TOKEN, 'x-role': 'admin' };
    assert.equal(await status('/workers', all), 200);
    for (const missing of Object.keys(all)) {
      const rest = Object.fromEntries(Object.entries(all).filter(([name]) => name !== missing));
      assert.ok([401, 403].includes(await status('/workers', rest)), missing);
    }
  }); // prettier-ignore

  it('decide for the controllers of other modules by HttpAccessModule', async () => {
    await start([HttpAccessModule.forRoot({ guards: [AdminGuard] })], { controllers: [OtherController] });
    assert.equal(await status('/others', { 'x-role': 'admin' }), 200);
    assert.equal(await status('/others'), 403);
  });

  it('decide for controllers of the application that extend ours', async () => {
    @Controller('admin/workers')
    @UseGuards(AdminGuard)
    class AdminWorkers extends WorkersController {}
    @Controller('admin/runs')
    class AdminRuns extends RunsController {}
    await start([HttpAccessModule.forRoot({ token: TOKEN })], { controllers: [AdminWorkers, AdminRuns] });
    assert.equal(
      await status('/admin/workers/greeter', { 'x-workers-token': TOKEN, 'x-role': 'admin' }),
      200,
    );
    assert.equal(await status('/admin/workers/greeter', { 'x-workers-token': TOKEN }), 403);
    assert.equal(await status('/admin/runs', { 'x-workers-token': TOKEN }), 200);
  });
});

it('a global ValidationPipe changes nothing, however strict it is', async () => {
  await start([WorkerDashboardModule.forRoot({ openReads: true, token: TOKEN })], {}, (made) =>
    made.useGlobalPipes(
      new ValidationPipe({
        transform: true, whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true,
        transformOptions: { enableImplicitConversion: true },
      }),
    )); // prettier-ignore
  for (const path of ['/workers/greeter/runs?limit=5', '/runs?limit=5&worker=greeter&outcome=failed,succeeded', '/runs?since=2030-01-31T12:00:00Z', '/workers/greeter'])
    assert.equal(await status(path), 200, path); // prettier-ignore
  assert.equal(await status('/runs?limit=0'), 400);
  const body = { method: 'POST', headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }, body: '{"tenant":"a","n":[1]}' };
  assert.equal((await fetch(`${base}/workers/greeter/trigger`, body)).status, 202);
}); // prettier-ignore

describe('a global CacheInterceptor', () => {
  const cache = { imports: [CacheModule.register()], providers: [{ provide: APP_INTERCEPTOR, useClass: CacheInterceptor }] };
  const answer = async (path: string) => (await fetch(base + path)).text();

  it('does not keep what the API answers, and does what others answer', async () => {
    await start([WorkerDashboardModule.forRoot({ openReads: true, token: TOKEN })], { ...cache, controllers: [OtherController] });
    assert.match(await answer('/workers'), /"run_count":0/);
    await fetch(`${base}/workers/greeter/trigger`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } });
    while (/"run_count":0/.test(await answer('/workers/greeter')));
    assert.match(await answer('/workers'), /"run_count":1/);
    assert.notEqual(await answer('/runs'), '{"items":[]}');
    assert.equal(await answer('/own'), await answer('/own'));
  });

  it('keeps it when it is asked to', async () => {
    await start([WorkerDashboardModule.forRoot({ openReads: true, token: TOKEN, decorators: [CacheTTL(60_000)] })], cache);
    assert.match(await answer('/runs'), /"items":\[\]/);
    await fetch(`${base}/workers/greeter/trigger`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } });
    while (!/"run_count":1/.test(await answer(`/workers/greeter?${Math.random()}`)) && !(await ended()));
    assert.match(await answer('/runs'), /"items":\[\]/);
  });

  async function ended(): Promise<boolean> {
    return /succeeded/.test(await answer(`/runs?limit=${1 + Math.floor(Math.random() * 900)}`));
  }
}); // prettier-ignore

describe('a global throttler', () => {
  const throttled = (names: (string | undefined)[]) => ({
    imports: [ThrottlerModule.forRoot(names.map((name) => ({ ...(name && { name }), ttl: 60_000, limit: 2 })))],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
    controllers: [OtherController],
  });
  const statuses = async (path: string) => {
    const found: number[] = [];
    for (let i = 0; i < 4; i++) found.push(await status(path));
    return found;
  };

  for (const names of [[undefined], ['short', 'long']])
    it(`does not refuse the page's requests, whose names are ${names}`, async () => {
      await start([WorkerDashboardModule.forRoot({ openReads: true }), HttpAccessModule.forRoot({ openReads: true })], throttled(names));
      for (const path of [...API, '/others', '/dashboard/index.html']) assert.deepEqual(await statuses(path), [200, 200, 200, 200], path);
      assert.deepEqual(await statuses('/own'), [200, 200, 429, 429]);
    });

  it('does so when it is asked to', async () => {
    await start([WorkerDashboardModule.forRoot({ openReads: true, decorators: [SkipThrottle({ default: false })] })], throttled([undefined]));
    assert.deepEqual(await statuses('/workers'), [200, 200, 429, 429]);
  });
}); // prettier-ignore

it('the API documentation of the application has it, with security, bodies, answers and optional parameters', async () => {
  await start([WorkerDashboardModule.forRoot({ openReads: true })], { controllers: [OtherController] });
  const document = SwaggerModule.createDocument(
    app,
    new DocumentBuilder().setOpenAPIVersion('3.1.0').addApiKey({ type: 'apiKey', in: 'header', name: 'X-Workers-Token' }, 'workers-token').build(),
  );
  const { paths } = document as { paths: Record<string, Record<string, Json>> };
  assert.deepEqual(Object.keys(paths).sort(), [
    '/dashboard/live', '/dashboard/session', '/dashboard/tabs', '/others', '/own', '/replicas', '/runs', '/runs/upcoming', '/runs/{id}',
    '/runs/{id}/cancel', '/runs/{id}/rerun', '/workers', '/workers/pause', '/workers/resume', '/workers/{name}', '/workers/{name}/pause',
    '/workers/{name}/reschedule', '/workers/{name}/resume', '/workers/{name}/runs', '/workers/{name}/trigger', '/workers/{name}/upcoming',
  ]);
  for (const [path, operations] of Object.entries(paths))
    for (const operation of Object.values(operations)) {
      if (path === '/own') continue;
      assert.deepEqual(operation.security, [{ 'workers-token': [] }], path);
      assert.deepEqual(operation.tags, [path.split('/')[1]], path);
      assert.equal(operation.responses[401].content['application/problem+json'].schema.properties.detail.type, 'string');
      if (path === '/others') continue;
      const good = operation.responses[200] ?? operation.responses[202];
      const type = path === '/dashboard/live' ? 'text/event-stream' : 'application/json';
      assert.ok(operation.responses[204] ?? good.content[type].schema, path);
      assert.ok(operation.summary, path);
    }
  const runs = paths['/runs'].get;
  assert.deepEqual(
    runs.parameters.map(({ name, in: where, required, schema }: Json) => [name, where, required, schema.type]),
    ['limit', 'outcome', 'trigger', 'since', 'until', 'text', 'key', 'before', 'worker'].map((name) => [name, 'query', false, name === 'limit' ? 'integer' : 'string']),
  );
  assert.deepEqual(paths['/workers/{name}/runs'].get.parameters.map(({ name, in: where, required }: Json) => [name, where, required])[0], ['name', 'path', true]);
  const trigger = paths['/workers/{name}/trigger'].post;
  assert.deepEqual([trigger.requestBody.required, Object.keys(trigger.requestBody.content)], [false, ['application/json']]);
  assert.equal(trigger.responses[202].content['application/json'].schema.properties.run_id.format, 'uuid');
  assert.ok(trigger.responses[200] && !trigger.responses[201]);
  assert.deepEqual(Object.keys(paths['/runs/{id}/cancel'].post.requestBody.content['application/json'].schema.properties), ['actor', 'reason']);
  await answersFit(paths);
}); // prettier-ignore

/** What the API answers has no field that its documentation does not have, and all that it promises. */
async function answersFit(paths: Record<string, Record<string, Json>>): Promise<void> {
  for (const path of ['/workers', '/runs']) {
    const { schema } = paths[path].get.responses[200].content['application/json'];
    const answer = await (await fetch(base + path)).json();
    const [items, { required, properties }] = Array.isArray(answer) ? [answer, schema.items] : [answer.items, schema.properties.items.items];
    for (const item of items) {
      for (const name of required) assert.ok(name in item, `${path}: ${name}`);
      for (const name of Object.keys(item)) assert.ok(name in properties, `${path}: ${name}`);
    }
  }
} // prettier-ignore
