// A control plane with the reconciler, to be killed (`killable.mjs`). What it is told is an `Order` of test/chaos/plane.ts.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import {
  DatabaseModule,
  DatacentersModule,
  DatacentersService,
  ProcessProviderModule,
  ReconcilerModule,
  TenantsModule,
  TenantsService,
  WorkloadsModule,
  WorkloadsService,
} from 'ctrlplane-workers/control-plane';
import { instances, obey, url } from './killable.mjs';

class App {}
Module({
  imports: [
    DatabaseModule.forRoot({ url }),
    ProcessProviderModule.forRoot({ directory: instances, stopGrace: 0 }),
    TenantsModule,
    DatacentersModule,
    WorkloadsModule,
    WorkerModule.forRoot({ drain: { timeout: 2_000 } }),
    ReconcilerModule.forRoot({ interval: '2s', backoff: { initial: 100, max: 1_000, crashLoopAfter: 20 } }),
  ],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
const [tenants, datacenters, workloads] = [TenantsService, DatacentersService, WorkloadsService].map((type) =>
  app.get(type, { strict: false }),
);
const orNothing = (promise) => promise.catch(() => undefined);

obey(async ({ workload, bootstrap, rollback, remove }) => {
  const tenant = (await orNothing(tenants.getByName('acme'))) ?? (await tenants.create({ name: 'acme' }));
  const place =
    (await orNothing(datacenters.getByName(tenant.id, 'fra1'))) ??
    (await datacenters.create(tenant.id, { name: 'fra1' }));
  if (bootstrap) await datacenters.setBootstrap(tenant.id, place.id, bootstrap);
  const name = workload?.name ?? rollback ?? remove;
  const found = name && (await orNothing(workloads.getByName(tenant.id, name)));
  if (workload && !found) await workloads.create(tenant.id, workload);
  if (workload && found) {
    const { spec, replicas } = workload;
    await workloads.update(tenant.id, found.id, { spec, replicas });
  }
  if (rollback && found) await orNothing(workloads.rollback(tenant.id, found.id));
  if (remove && found) await workloads.delete(tenant.id, found.id);
});
