import { Get, type INestApplication, Module, Query, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiController } from './api-controller.js';
import { HttpAccessModule } from './http-access.module.js';
import { Documented } from './openapi.js';
import { limit, QueryPipe } from './query.pipe.js';

@ApiController('things')
class ThingsController {
  @Get('none')
  none(): string {
    return 'none';
  }

  @Get('piped')
  piped(@Query(new QueryPipe({ limit: limit() })) _query: object): string {
    return 'piped';
  }

  @Get('own')
  own(@Query('any') any: string): string {
    return any;
  }

  @Get('request')
  request(@Req() { query }: { query: { any: string } }): string {
    return query.any;
  }

  @Get('documented')
  @Documented({ summary: '', query: { any: {} }, answer: { description: '', schema: {} } })
  documented(): string {
    return 'documented';
  }
}

class ExtendedController extends ThingsController {}
ApiController('extended')(ExtendedController);

@Module({
  imports: [HttpAccessModule.forRoot({ openReads: true })],
  controllers: [ThingsController, ExtendedController],
})
class AppModule {}

describe('a query parameter that nobody reads', () => {
  let app: INestApplication;
  let url: string;
  beforeAll(async () => {
    app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(() => app.close());

  it.each([
    ['things/none', 200, ''],
    ['things/none?any=1', 400, 'There is no parameter "any", as there are none'],
    ['extended/none?any=1', 400, 'There is no parameter "any", as there are none'],
    ['things/piped?any=1', 400, 'There is no parameter "any": there are limit'],
    ['things/own?any=1', 200, ''],
    ['extended/own?any=1', 200, ''],
    ['things/request?any=1', 200, ''],
    ['things/documented?any=1', 200, ''],
    ['things/documented?other=1', 400, 'There is no parameter "other": there are any'],
  ])('is refused: %s is answered with %d', async (path, status, detail) => {
    const answer = await fetch(`${url}/${path}`);
    const text = await answer.text();
    expect([answer.status, status === 400 ? (JSON.parse(text) as { detail: string }).detail : '']).toEqual([
      status,
      detail,
    ]);
  });
});
