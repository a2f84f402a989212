// A control plane with the garbage collector, to be killed (`killable.mjs`): it makes instances (`create`), and runs both
// workers of the collector as often as `collect` says.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import {
  DatabaseModule,
  GarbageCollectorModule,
  InstancesModule,
  InstancesService,
  ProcessProviderModule,
  TenantsModule,
} from 'ctrlplane-workers/control-plane';
import { instances, obey, url } from './killable.mjs';

class App {}
Module({
  imports: [
    DatabaseModule.forRoot({ url }),
    ProcessProviderModule.forRoot({ directory: instances, stopGrace: 0 }),
    TenantsModule,
    InstancesModule,
    WorkerModule.forRoot({ drain: { timeout: 2_000 } }),
    // It runs when it is told to.
    GarbageCollectorModule.forRoot({ interval: 0, instanceGracePeriod: 0, keepDeployments: 2 }),
  ],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
const service = app.get(InstancesService, { strict: false });
const scheduler = app.get(Scheduler);

/** Gives the ids of the instances that it made, or what became of each run. */
obey(async ({ create, collect = 0 }) => {
  if (create) {
    const { tenantId, count, env } = create;
    const made = [];
    for (let n = 0; n < count; n++) {
      const spec = { command: ['sleep', '86400'], env };
      made.push((await service.create(tenantId, { name: `web-${n}`, provider: 'process', spec })).id);
    }
    return made;
  }
  const outcomes = [];
  for (let times = 0; times < collect; times++)
    for (const worker of ['gc', 'gc_stores']) {
      const { outcome, error } = await (await scheduler.trigger(worker)).ended;
      outcomes.push(error ? `${worker}: ${error.message}` : outcome);
    }
  return outcomes;
});
