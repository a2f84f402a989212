import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import { WorkerDashboardModule } from 'ctrlplane-workers/dashboard';
import { IncidentsHttpModule, IncidentsModule } from 'ctrlplane-workers/incidents';
import { HttpAccessModule } from 'ctrlplane-workers/http';
import { report } from '../harness/child.js';
import { type Sample, TICKING, WORKERS } from './size.js';

const lateness: number[] = [];

/** How late runs began since the last sample, and what the process holds. */
class SampleController {
  take(): Sample {
    global.gc!();
    const sorted = Float64Array.from(lateness.splice(0)).toSorted();
    const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
    const { rss, heapUsed } = process.memoryUsage();
    return {
      runs: sorted.length,
      median: at(0.5),
      p99: at(0.99),
      rss,
      heapUsed,
      sockets: process.getActiveResourcesInfo().filter((name) => /Socket|TCP/.test(name)).length,
      timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
    };
  }
}
Get()(
  SampleController.prototype,
  'take',
  Object.getOwnPropertyDescriptor(SampleController.prototype, 'take')!,
);
Controller('sample')(SampleController);

const access = { openReads: true, token: 'token-of-the-bench' };
class App {}
Module({
  imports: [
    WorkerModule.forRoot(),
    HttpAccessModule.forRoot(access),
    WorkerDashboardModule.forRoot(access),
    IncidentsModule.forRoot(),
    IncidentsHttpModule,
  ],
  controllers: [SampleController],
})(App);

const app = await NestFactory.create(App, { logger: false });
await app.listen(0, '127.0.0.1');
const scheduler = app.get(Scheduler);
for (let n = 0; n < WORKERS; n++)
  scheduler.register({
    name: `billing.invoices.${n}`,
    description: 'Sends what is due, one tenant after the other',
    group: `group ${n % 10}`,
    interval: n < TICKING ? '1s' : '1h',
    // A history would grow until it is full, which is no leak of the pages.
    record: 'failures',
    run: ({ startedAt, scheduledAt }) => void lateness.push(startedAt.getTime() - scheduledAt.getTime()),
  });
report({ url: await app.getUrl() });
