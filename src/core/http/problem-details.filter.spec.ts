import {
  BadRequestException,
  Body,
  type DynamicModule,
  Get,
  type INestApplication,
  Module,
  Param,
  Post,
  ServiceUnavailableException,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase } from '../../../test/support/database.js';
import { ApiController } from './api-controller.js';
import { HttpAccessModule } from './http-access.module.js';
import { ProblemDetailsFilter } from './problem-details.filter.js';

class GoneError extends Error {
  static readonly httpStatus = 404;
}
class WorseGoneError extends GoneError {}
class FaultyError extends Error {
  static readonly httpStatus = 400;
  readonly faults = ['a: is wrong', 'b: as well'];
}

const THROWN: Record<string, () => unknown> = {
  gone: () => new WorseGoneError('There is none'),
  faulty: () => new FaultyError('This cannot be used'),
  secret: () => new Error('password=hunter2'),
  nothing: () => null,
  text: () => 'oops',
  many: () => new BadRequestException(['first', 'second']),
  own: () => new ServiceUnavailableException({ status: 'error', details: {} }),
  long: () => new GoneError('x'.repeat(100_000)),
};

@ApiController('things')
class ThingsController {
  @Get(':name')
  one(@Param('name') name: string): void {
    throw THROWN[name]!();
  }
  @Post()
  make(@Body() body: unknown): unknown {
    return body;
  }
}

@Module({})
class ThingsModule {
  static with(controller: new () => object): DynamicModule {
    return { module: ThingsModule, controllers: [controller] };
  }
}

describe.each(['Express', 'Fastify'])('problem details on %s', (platform) => {
  let app: INestApplication;
  let base: string;
  const logged = jest.fn();
  afterEach(() => app.close());

  async function start(controller: new () => object = ThingsController, openReads = true): Promise<void> {
    const module = await Test.createTestingModule({
      imports: [HttpAccessModule.forRoot({ token: 'the-token', openReads }), ThingsModule.with(controller)],
    }).compile();
    app = platform === 'Express' ? module.createNestApplication() : module.createNestApplication(new FastifyAdapter());
    app.useGlobalFilters(new ProblemDetailsFilter(app.get(HttpAdapterHost)));
    app.useLogger({ log: () => {}, warn: () => {}, error: logged, fatal: logged });
    logged.mockClear();
    await app.listen(0, '127.0.0.1');
    base = await app.getUrl();
  } // prettier-ignore

  async function get(path: string, init?: RequestInit) {
    const response = await fetch(base + path, init);
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    };
  }

  it('are the answer to an error whose class tells its status, or inherits it', async () => {
    await start();
    const { status, headers, body } = await get('/things/gone');
    expect(status).toBe(404);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(body).toEqual({ type: 'about:blank', title: 'Not Found', status: 404, detail: 'There is none' });
    expect(logged).not.toHaveBeenCalled();
  });

  it('list the faults of input that has several', async () => {
    await start();
    expect((await get('/things/faulty')).body).toMatchObject({
      detail: 'This cannot be used',
      errors: [{ detail: 'a: is wrong' }, { detail: 'b: as well' }],
    });
    expect((await get('/things/many')).body).toMatchObject({
      status: 400,
      detail: 'first; second',
      errors: [{ detail: 'first' }, { detail: 'second' }],
    });
  });

  it.each(['secret', 'nothing', 'text'])('keep to themselves what is nobody’s business, and log it: %s', async (name) => {
    await start();
    const { status, body } = await get(`/things/${name}`);
    expect(status).toBe(500);
    expect(body).toEqual({ type: 'about:blank', title: 'Internal Server Error', status: 500 });
    expect(logged).toHaveBeenCalledTimes(1);
  }); // prettier-ignore

  it('leave an answer that is an exception only for its status as it is', async () => {
    await start();
    expect(await get('/things/own')).toMatchObject({ status: 503, body: { status: 'error', details: {} } });
  });

  it('cut what is too long', async () => {
    await start();
    expect(String((await get('/things/long')).body['detail'])).toHaveLength(2_000);
  });

  it('are also what whoever has no token gets, with the scheme that is wanted', async () => {
    await start(ThingsController, false);
    const { status, headers, body } = await get('/things/gone');
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe('Bearer');
    expect(body).toMatchObject({ title: 'Unauthorized' });
  });

  it('cover what no controller sees, when the filter is the application’s', async () => {
    await start();
    expect(await get('/nowhere')).toMatchObject({ status: 404, body: { title: 'Not Found' } });
    const post = (body: string) =>
      get('/things', {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', authorization: 'Bearer the-token' },
      });
    expect(await post('{"a":')).toMatchObject({ status: 400, body: { title: 'Bad Request' } });
    expect((await post(JSON.stringify('x'.repeat(3_000_000)))).status).toBe(413);
    expect((await get('/things/%E0%A4%A')).status).toBe(400);
    expect(logged).not.toHaveBeenCalled();
  });

  it('say that the database is away, in each of the ways in which it can be', async () => {
    const database = await createTestDatabase();
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    pool.on('error', () => {});
    const refused = new pg.Pool({ host: '127.0.0.1', port: 1 });
    const ways: Record<string, () => Promise<unknown>> = {
      refused: () => refused.query('SELECT 1'),
      terminated: () => pool.query('SELECT pg_terminate_backend(pg_backend_pid())'),
      timeout: () => pool.query(`SET statement_timeout = 10; SELECT pg_sleep(1)`),
      readOnly: () => pool.query('BEGIN READ ONLY; CREATE TABLE t (a int)'),
      gone: () => pool.query('SELECT 1 FROM nowhere'),
      nul: () => pool.query('SELECT $1::text', ['\0']),
      json: () => pool.query(`SELECT $1::jsonb`, ['"\\ud83d"']),
    };
    @ApiController('queries')
    class Queries {
      @Get(':name') one(@Param('name') name: string) { return ways[name]!(); }
    } // prettier-ignore
    await start(Queries);
    try {
      for (const way of ['refused', 'terminated', 'timeout', 'readOnly'])
        expect([way, await get(`/queries/${way}`)]).toMatchObject([
          way,
          { status: 503, body: { detail: expect.stringMatching(/^The database cannot be used at the moment: ./) } },
        ]); // prettier-ignore
      await pool.end();
      expect((await get('/queries/gone')).status).toBe(503);
    } finally {
      await refused.end();
    }
    await database.drop();
  });

  it('tell a mistake of ours from text that the database never takes', async () => {
    const database = await createTestDatabase();
    const pool = new pg.Pool({ connectionString: database.url });
    const queries: Record<string, () => Promise<unknown>> = {
      mistake: () => pool.query('SELECT 1 FROM nowhere'),
      nul: () => pool.query('SELECT $1::text', ['\0']),
      half: () => pool.query('SELECT $1::jsonb', ['"\\ud83d"']),
      deep: () => pool.query('SELECT $1::jsonb', ['['.repeat(49_000) + ']'.repeat(49_000)]),
    };
    @ApiController('queries')
    class Queries {
      @Get(':name') one(@Param('name') name: string) { return queries[name]!(); }
    } // prettier-ignore
    await start(Queries);
    const statuses = await Promise.all(
      ['mistake', 'nul', 'half', 'deep'].map(async (name) => (await get(`/queries/${name}`)).status),
    );
    expect(statuses).toEqual([500, 400, 400, 400]);
    await pool.end();
    await database.drop();
  });
});
