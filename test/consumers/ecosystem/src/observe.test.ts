import 'reflect-metadata';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createObserveModule } from '@nestjs/observe';
import { Cron, Interval as Adopted, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { Interval, Scheduler, WorkerModule } from 'ctrlplane-workers';

/** A run, as the agent sends it. */
interface Job {
  /** Name. */
  n: string;
  /** Queue, which is the kind of the scheduler here. */
  q: string;
  /** Status. */
  s: string;
  /** Error. */
  e?: { message?: string; stack?: string };
  /** Spans: class and method. */
  t: { c?: string; m?: string; ch?: { c?: string; m?: string }[] }[];
}

/** The collector. */
const jobs: Job[] = [];
let arrived = (): void => {};
const collector = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const batch = JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()) as { jobs?: Job[] };
    jobs.push(...(batch.jobs ?? []));
    response.writeHead(201).end('{}');
    arrived();
  });
});

before(async () => {
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
});
after(() => void collector.close());

@Injectable()
class Mailer {
  async send() {}
}

@Injectable()
class Tasks {
  constructor(@Inject(Mailer) private readonly mailer: Mailer) {}

  @Cron('0 3 * * *', { name: 'nightly' })
  async nightly() {
    await this.mailer.send();
  }

  @Adopted('hourly', 3_600_000)
  hourly() {}

  @Timeout('once', 3_600_000)
  once() {}

  @Interval('usage', '1h')
  async usage() {
    await this.mailer.send();
  }

  @Interval('failing', '1h')
  async failing() {
    throw new Error('no route to host');
  }

  @Interval('asked', 0)
  async asked() {}
}

it('NestJS Observe is told of runs of adopted handlers and of workers, with errors and spans', async () => {
  const { ObserveModule, ObserveInstrument } = createObserveModule();
  @Module({
    imports: [
      WorkerModule.forRoot(),
      ObserveModule.forRoot({
        appKey: 'key',
        appSecret: 'secret',
        serviceId: 'tests',
        endpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
        flushInterval: 200,
      }),
    ],
    providers: [Mailer, Tasks],
  })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { instrument: ObserveInstrument, logger: false });
  await app.init();
  const registry = app.get(SchedulerRegistry);
  const entries = [...registry.getCronJobs().keys(), registry.getIntervals(), registry.getTimeouts()];
  assert.deepEqual(entries.flat(), ['nightly', 'hourly', 'once']);
  const scheduler = app.get(Scheduler);
  const outcomes: string[] = [];
  for (const worker of ['nightly', 'hourly', 'once', 'usage', 'failing', 'asked'])
    outcomes.push((await (await scheduler.trigger(worker)).ended).outcome);
  assert.deepEqual(
    outcomes.map((outcome) => outcome === 'failed'),
    [false, false, false, false, true, false],
  );
  while (jobs.length < 6) await new Promise<void>((resolve) => (arrived = resolve));
  await app.close();

  const told = jobs.map(({ n, q, s }) => `${q} ${n} ${s}`);
  assert.deepEqual(told.sort(), [
    'cron nightly completed',
    'interval failing failed',
    'interval hourly completed',
    'interval usage completed',
    'schedule asked completed',
    'timeout once completed',
  ]);
  const of = (name: string): Job => jobs.find(({ n }) => n === name)!;
  assert.match(of('failing').e?.stack ?? '', /no route to host[^]+Tasks\.failing/);
  for (const name of ['nightly', 'usage'])
    assert.match(JSON.stringify(of(name).t), /"c":"Mailer","m":"send"/);
});
