import { type INestApplication } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { WorkerDashboardModule } from '../../src/core/dashboard/worker-dashboard.module.js';
import { HttpAccessModule } from '../../src/core/http/http-access.module.js';
import { IncidentsHttpModule } from '../../src/core/incidents/http/incidents-http.module.js';
import { Incidents } from '../../src/core/incidents/incidents.js';
import { IncidentsModule } from '../../src/core/incidents/incidents.module.js';
import { Scheduler } from '../../src/core/scheduler/scheduler.js';
import { WorkerModule } from '../../src/core/worker.module.js';
import { type WorkerModuleOptions } from '../../src/core/worker-module.options.js';

export const TOKEN = 'token-of-the-fuzzer';

/** An application whose whole HTTP interface is asked, and what describes that. */
export interface FuzzApp {
  app: INestApplication;
  url: string;
  document: OpenApiDocument;
}

export interface OpenApiDocument {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

export interface Operation {
  parameters?: { name: string; in: string; schema?: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

export interface Schema {
  type?: string;
  enum?: unknown[];
  format?: string;
  properties?: Record<string, Schema>;
  oneOf?: Schema[];
}

/** The document is OpenAPI 3.1, as an application makes it. */
export async function startFuzzApp(
  options: WorkerModuleOptions,
  adapter: AbstractHttpAdapter,
): Promise<FuzzApp> {
  class FuzzModule {}
  const app = await NestFactory.create(
    {
      module: FuzzModule,
      imports: [
        WorkerModule.forRoot(options),
        WorkerDashboardModule.forRoot({ token: TOKEN, openReads: true }),
        HttpAccessModule.forRoot({ token: TOKEN, openReads: true }),
        IncidentsModule.forRoot({
          webhooks: [{ name: 'hook', url: 'http://127.0.0.1:1/', format: 'slack' }],
        }),
        IncidentsHttpModule,
      ],
    },
    adapter,
    { logger: false },
  );
  await app.listen(0, '127.0.0.1');
  const scheduler = app.get(Scheduler);
  scheduler.register({ name: 'plain', interval: '1h', group: 'a', run() {} });
  scheduler.register({
    name: 'odd/näme %2e <b>',
    interval: 0,
    overlap: 'allow',
    run: ({ progress }) => progress(1, 2),
  });
  scheduler.register({
    name: 'fails',
    interval: 0,
    overlap: 'queueOne',
    run() {
      throw new Error('as told', { cause: new TypeError('inner') });
    },
  });
  scheduler.register({
    name: 'waits',
    interval: { cron: '0 3 * * *', timeZone: 'Europe/Berlin' },
    timeout: '1s',
    run: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true })),
  });
  for (const name of ['plain', 'fails']) await (await scheduler.trigger(name, { first: true })).ended;
  const incidents = app.get(Incidents);
  for (const subject of ['a', 'b'])
    await incidents.report({ kind: 'worker', subject, condition: 'failing', summary: 'As told' });
  await incidents.resolve({ kind: 'worker', subject: 'b', condition: 'failing' });
  await incidents.silence({ subject: 'a', for: '1h' });
  const document = SwaggerModule.createDocument(
    app,
    new DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .addApiKey({ type: 'apiKey', in: 'header', name: 'X-Workers-Token' }, 'workers-token')
      .build(),
  ) as unknown as OpenApiDocument;
  return { app, url: await app.getUrl(), document };
}
