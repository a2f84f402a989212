import {
  ArgumentsHost,
  Body,
  Catch,
  Controller,
  type DynamicModule,
  type ExceptionFilter,
  Get,
  type INestApplication,
  Module,
  NotFoundException,
  Param,
  Post,
} from '@nestjs/common';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import { type AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ApiController } from './api-controller.js';
import { HttpAccessModule } from './http-access.module.js';

@ApiController('things')
class ThingsController {
  @Get()
  all(): string[] {
    return [];
  }
  @Get(':name/parts')
  parts(@Param('name') name: string): string[] {
    return [name];
  }
  @Post(':name/parts')
  add(@Body() body: unknown): unknown {
    return body;
  }
}

/** Of the application, one of its paths below ours. */
@Controller(['theirs', 'things/theirs'])
class TheirController {
  @Get(':name')
  one(@Param('name') name: string): string {
    if (name === 'none') throw new NotFoundException('theirs');
    return name;
  }
  @Post()
  add(@Body() body: unknown): unknown {
    return body;
  }
}

const TEXT = 'x'.repeat(3_000_000);
const json = (body: string) => ({ method: 'POST', body, headers: { 'content-type': 'application/json' } });

describe.each([
  ['Express', ''],
  ['Express', 'api/v1'],
  ['Fastify', ''],
  ['Fastify', 'api/v1'],
])('a request without a handler on %s, with the global prefix %j', (platform, prefix) => {
  let app: INestApplication;
  let base: string;
  afterEach(() => app.close());

  const adapterOf = (): AbstractHttpAdapter =>
    platform === 'Express' ? new ExpressAdapter() : new FastifyAdapter();

  function importing(controllers: DynamicModule['controllers']): DynamicModule {
    @Module({})
    class HostModule {}
    return { module: HostModule, imports: [HttpAccessModule.forRoot({ openReads: true })], controllers };
  }

  async function start(made: INestApplication): Promise<void> {
    app = made;
    if (prefix) app.setGlobalPrefix(prefix);
    await app.listen(0, '127.0.0.1');
    base = (await app.getUrl()) + (prefix && `/${prefix}`);
  }

  async function startHost(controllers: DynamicModule['controllers'] = [ThingsController, TheirController]) {
    await start(await NestFactory.create(importing(controllers), adapterOf(), { logger: false }));
  }

  async function ask(path: string, init?: RequestInit) {
    const { status, headers, body } = await fetch(base + path, init).then(async (response) => ({
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    }));
    const type = headers.get('content-type')?.split(';')[0];
    return { status, type, allow: headers.get('allow'), body };
  }

  const problem = (status: number, detail: unknown = expect.any(String)) => ({
    status,
    type: 'application/problem+json',
    body: { type: 'about:blank', title: expect.any(String), status, detail },
  });

  it('below a path of ours gets problem details', async () => {
    await startHost();
    for (const path of ['/things/a', '/things/a/parts/b'])
      expect(await ask(path)).toMatchObject(
        problem(404, `There is nothing at GET ${prefix && `/${prefix}`}${path}`),
      );
  });

  it('is answered with the methods that there are, where its path has others', async () => {
    await startHost();
    expect(await ask('/things', { method: 'PUT' })).toMatchObject({
      ...problem(405, 'There is no PUT here: there is GET, HEAD'),
      allow: 'GET, HEAD',
    });
    expect(await ask('/things/a/parts', { method: 'DELETE' })).toMatchObject({
      ...problem(405),
      allow: 'GET, HEAD, POST',
    });
  });

  it('gets problem details for a body that cannot be read', async () => {
    await startHost();
    expect(await ask('/things/a/parts', json('{"a":'))).toMatchObject(problem(400));
    expect(await ask('/things/a/parts', json(JSON.stringify(TEXT)))).toMatchObject(problem(413));
    expect(
      await ask('/things/a/parts', {
        method: 'POST',
        body: '{}',
        headers: {
          'content-type': platform === 'Express' ? 'application/json; charset=klingon' : 'text/klingon',
        },
      }),
    ).toMatchObject(problem(415));
  });

  it('gets problem details for a path that cannot be decoded, or is too long', async () => {
    await startHost();
    for (const path of ['/things/%E0%A4/parts', '/things/%/parts', '/things/%E0%A4%A'])
      expect([path, await ask(path)]).toMatchObject([path, problem(400)]);
    const long = await ask(`/things/${'n'.repeat(8_000)}/parts`, { headers: { authorization: 'x' } });
    if (platform === 'Fastify') expect(long).toMatchObject(problem(414));
    else expect(long.status).toBe(200);
    // Longer than Node reads, in the target and in a header.
    expect(await ask(`/things/${'n'.repeat(20_000)}`)).toMatchObject(problem(414));
    const wide = { headers: { 'x-wide': 'n'.repeat(20_000) } };
    expect(await ask('/things', wide)).toMatchObject(problem(431));
    const theirs = await fetch(`${base}/theirs`, wide);
    expect([theirs.status, theirs.headers.get('content-type')]).toEqual([
      431,
      platform === 'Express' ? null : 'application/json',
    ]);
    expect(await ask('/things')).toMatchObject({ status: 200 });
  });

  it('stays the application’s where the path is', async () => {
    await startHost([TheirController]);
    const alone = await answersOfTheirs();
    await app.close();
    await startHost();
    expect(await answersOfTheirs()).toEqual(alone);
    expect(alone.every(({ type }) => type === 'application/json')).toBe(true);
  });

  async function answersOfTheirs() {
    const paths = ['/nowhere', '/theirs', '/theirs/a/b', '/theirs/none', '/things/theirs/a/b', '/thingsx', '/theirs/%E0%A4'];
    return [
      ...(await Promise.all(paths.map((path) => ask(path)))),
      ...(await Promise.all(
        ['/theirs', '/things/theirs'].flatMap((path) => [
          ask(path, json('{"a":')),
          ask(path, json(JSON.stringify(TEXT))),
          ask(path, { method: 'DELETE' }),
        ]),
      )),
    ];
  } // prettier-ignore

  it('stays the application’s where its own code has failed', async () => {
    const made = await NestFactory.create(importing([ThingsController, TheirController]), adapterOf(), {
      logger: false,
    });
    class LockedError extends Error {
      readonly statusCode = 423;
    }
    @Catch(LockedError)
    class LockedFilter implements ExceptionFilter {
      catch(_: LockedError, context: ArgumentsHost): void {
        const { httpAdapter } = made.get(HttpAdapterHost);
        httpAdapter.reply(context.switchToHttp().getResponse(), { theirs: true }, 423);
      }
    }
    made.useGlobalFilters(new LockedFilter());
    made.use(() => {
      throw new LockedError('locked');
    });
    await start(made);
    expect(await ask('/things')).toMatchObject({ status: 423, body: { theirs: true } });
  });

  it('stays the application’s also where its router reports to it', async () => {
    const startFastify = async (options: ConstructorParameters<typeof FastifyAdapter>[0]) => {
      const module = importing([ThingsController, TheirController]);
      await start(await NestFactory.create(module, new FastifyAdapter(options), { logger: false }));
    };
    if (platform === 'Express') return void (await startHost());
    await startFastify({ frameworkErrors: undefined });
    const refused = {
      status: 400,
      type: 'application/json',
      body: { code: 'FST_ERR_BAD_URL', statusCode: 400 },
    };
    expect(await ask('/theirs/%E0%A4')).toMatchObject(refused);
    expect(await ask('/things/%E0%A4')).toMatchObject(problem(400));
    await app.close();
    await startFastify({
      frameworkErrors: (_, __, reply) => void reply.status(400 as never).send({ told: true } as never),
    });
    expect(await ask('/theirs/%E0%A4')).toMatchObject({ status: 400, body: { told: true } });
    expect(await ask('/things/%E0%A4')).toMatchObject(problem(400));
  });

  it('leaves routes that are registered by hand, with all of their handlers, as they are', async () => {
    const made = await NestFactory.create(importing([ThingsController]), adapterOf(), { logger: false });
    const adapter = made.getHttpAdapter() as unknown as {
      get(...given: unknown[]): unknown;
      reply(response: unknown, body: unknown, status: number): void;
    };
    const seen: string[] = [];
    const answer = (_: unknown, response: unknown) => adapter.reply(response, { seen }, 200);
    // Express takes several handlers.
    const before = (_request: unknown, _response: unknown, next: () => void) => {
      seen.push('before');
      next();
    };
    adapter.get('/things/by/hand/now', ...(platform === 'Express' ? [before] : []), answer);
    await start(made);
    const response = await fetch(`${await app.getUrl()}/things/by/hand/now`);
    expect(await response.json()).toEqual({ seen: platform === 'Express' ? ['before'] : [] });
  });

  it('is answered in the same way where the application was made by a testing module', async () => {
    const module = await Test.createTestingModule({ imports: [importing([ThingsController])] }).compile();
    await start(module.createNestApplication(adapterOf(), { logger: false }));
    expect(await ask('/things/a')).toMatchObject(problem(404));
    expect(await ask('/nowhere')).toMatchObject({ status: 404, type: 'application/json' });
  });
});

it('an application without HTTP starts with these controllers', async () => {
  const imports = [HttpAccessModule.forRoot({ openReads: true })];
  @Module({ imports, controllers: [ThingsController] })
  class HostModule {}
  const context = await NestFactory.createApplicationContext(HostModule, { logger: false });
  expect(context.get(ThingsController).all()).toEqual([]);
  await context.close();
});
