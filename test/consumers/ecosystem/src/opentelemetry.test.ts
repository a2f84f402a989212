import 'reflect-metadata';
import { exporter } from './tracing';
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SpanStatusCode } from '@opentelemetry/api';
import { Interval, Scheduler, WorkerModule } from 'ctrlplane-workers';
import { OpenTelemetryModule } from 'ctrlplane-workers/opentelemetry';
import { postgres } from 'ctrlplane-workers/postgres';
import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.env.DATABASE_URL });

@Injectable()
class Counting {
  @Interval('counting', '1s')
  async count(): Promise<void> {
    await pool.query('SELECT 42 AS own');
  }
  @Interval('failing', 0)
  async fail(): Promise<void> {
    await pool.query('SELECT 43 AS own');
    throw new Error('as told');
  }
}

@Module({
  imports: [WorkerModule.forRoot({ coordination: postgres({ connectionString: process.env.DATABASE_URL, schema: `otel_${process.pid}` }) }), OpenTelemetryModule.forRoot()],
  providers: [Counting],
})
class AppModule {} // prettier-ignore

after(() => pool.end());

it('a run is a root span, its statements are below it, and the package has no spans of its own', async () => {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  const scheduler = app.get(Scheduler);
  await (await scheduler.trigger('failing')).ended;
  while (scheduler.workerByName('counting')!.runCount < 3) await new Promise((resolve) => setTimeout(resolve, 50));
  await app.close();

  const spans = exporter.getFinishedSpans();
  const roots = spans.filter(({ parentSpanContext }) => !parentSpanContext);
  assert.deepEqual([...new Set(roots.map(({ name }) => name))].sort(), ['worker counting', 'worker failing']);
  for (const root of roots) {
    const below = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === root.spanContext().spanId);
    assert.ok(below.length > 0, root.name);
  }
  const [failed] = roots.filter(({ name }) => name === 'worker failing');
  assert.deepEqual([failed.status.code, failed.events[0].name], [SpanStatusCode.ERROR, 'exception']);
  const statements = spans.flatMap(({ attributes }) => attributes['db.statement'] ?? attributes['db.query.text'] ?? []);
  assert.deepEqual([...new Set(statements)].sort(), ['SELECT 42 AS own', 'SELECT 43 AS own']);
}); // prettier-ignore
