// A control plane with the garbage collector, to be killed (`killable.mjs`): it makes instances (`create`), and runs both
// workers of the collector as often as `collect` says; with `half` its provider lists half of what it has, or breaks off.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import {
  DatabaseModule,
  GarbageCollectorModule,
  InstancesModule,
  InstancesService,
  ProcessProvider,
  ProcessProviderModule,
  TenantsModule,
} from 'ctrlplane-workers/control-plane';
import { instances, obey, url } from './killable.mjs';

let listsHalf = false;
const { list } = ProcessProvider.prototype;
ProcessProvider.prototype.list = async function (...args) {
  const all = await list.apply(this, args);
  if (!listsHalf) return all;
  if (Math.random() < 0.3) throw new Error('the list broke off');
  return all.filter(() => Math.random() < 0.5);
};

class App {}
Module({
  imports: [
    DatabaseModule.forRoot({ url }),
    ProcessProviderModule.forRoot({ directory: instances, stopGrace: 0 }),
    TenantsModule,
    InstancesModule,
    WorkerModule.forRoot({ drain: { timeout: 2_000 } }),
    // It runs when it is told to. What a brake holds back stays so, however long all of it takes.
    GarbageCollectorModule.forRoot({
      ...{ interval: 0, instanceGracePeriod: 0, keepDeployments: 2, brake: { confirmAfter: '1d' } },
    }),
  ],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
const service = app.get(InstancesService, { strict: false });
const scheduler = app.get(Scheduler);

/** Gives the ids of the instances that it made, or what became of each run. */
obey(async ({ create, collect = 0, half = false }) => {
  listsHalf = half;
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
