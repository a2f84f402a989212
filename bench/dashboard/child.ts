import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type Run, RunRecorder, Scheduler, WorkerModule } from 'ctrlplane-workers';
import { WorkerDashboardModule } from 'ctrlplane-workers/dashboard';
import { IncidentsHttpModule, IncidentsModule } from 'ctrlplane-workers/incidents';
import { HttpAccessModule } from 'ctrlplane-workers/http';
import { postgres } from 'ctrlplane-workers/postgres';
import { report } from '../harness/child.js';
import { WORKERS } from './size.js';

/** Where the server listens, and how it is asked. */
export interface Served {
  url: string;
}

/** The same answer, from an endpoint that finds it made. */
const bare: { answer?: unknown } = {};

class BareController {
  list(): unknown {
    return bare.answer;
  }
}
Get()(BareController.prototype, 'list', Object.getOwnPropertyDescriptor(BareController.prototype, 'list')!);
Controller('bare')(BareController);

const [, , databaseUrl] = process.argv;
const access = { openReads: true, token: 'token-of-the-bench' };
class App {}
Module({
  imports: [
    WorkerModule.forRoot(databaseUrl ? { coordination: postgres({ connectionString: databaseUrl }) } : {}),
    HttpAccessModule.forRoot(access),
    WorkerDashboardModule.forRoot(access),
    IncidentsModule.forRoot(),
    IncidentsHttpModule,
  ],
  controllers: [BareController],
})(App);

const app = await NestFactory.create(App, { logger: false });
await app.listen(0, '127.0.0.1');
const scheduler = app.get(Scheduler);
for (let n = 0; n < WORKERS; n++)
  scheduler.register({
    name: `billing.invoices.${n}`,
    description: 'Sends what is due, one tenant after the other',
    group: `group ${n % 10}`,
    interval: '1h',
    run: () => undefined,
  });
const runs: Run[] = [];
for (let n = 0; n < WORKERS; n++) runs.push(await (await scheduler.trigger(`billing.invoices.${n}`)).ended);
await app.get(RunRecorder).flush();
const url = await app.getUrl();
bare.answer = await (await fetch(`${url}/workers`)).json();
if (!Array.isArray(bare.answer) || bare.answer.length < WORKERS) throw new Error('The workers are not there');
report({ url } satisfies Served);
