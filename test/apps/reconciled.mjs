// A control plane with the reconciler, to be killed. What it is to be comes as JSON in PLANE (`PlaneOptions` in
// test/chaos/plane.ts). It does what it is told on stdin, one JSON line each, and says `done N` to the Nth.
//
// `{ "fault": n }` kills it, as kill -9 does, at the nth of its steps from then on: before each statement that writes, and
// before and after each call that changes something at the provider.
import 'reflect-metadata';
import { createInterface } from 'node:readline';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';
import { WorkerModule } from 'ctrlplane-workers';
import {
  DatabaseModule,
  DatacentersModule,
  DatacentersService,
  ProcessProvider,
  ProcessProviderModule,
  ReconcilerModule,
  systemClaims,
  TenantsModule,
  TenantsService,
  withClaims,
  WorkloadsModule,
  WorkloadsService,
} from 'ctrlplane-workers/control-plane';

const { url, instances } = JSON.parse(process.env.PLANE);

let left = Infinity;
let steps = 0;
function step() {
  steps++;
  if (--left === 0) process.kill(process.pid, 'SIGKILL');
}

// Before TypeORM makes its first client. A write is known by its first word, but for those that begin with a WITH.
const query = pg.Client.prototype.query;
pg.Client.prototype.query = function (config, ...more) {
  const text = typeof config === 'string' ? config : config?.text;
  // Who reaches the store is noted by the clock, not by what is being done.
  if (/^\s*(INSERT|UPDATE|DELETE|COMMIT)/i.test(text) && !/provider_stores/.test(text)) step();
  return query.call(this, config, ...more);
};
for (const method of ['provision', 'deprovision', 'start', 'stop', 'restart', 'deploy']) {
  const original = ProcessProvider.prototype[method];
  ProcessProvider.prototype[method] = async function (...args) {
    step();
    const result = await original.apply(this, args);
    step();
    return result;
  };
}

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

async function toDo({ fault, workload, bootstrap, rollback, remove }) {
  if (fault !== undefined) [left, steps] = [fault, 0];
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
}

let told = 0;
createInterface({ input: process.stdin }).on('line', (line) => {
  const number = ++told;
  withClaims(systemClaims('test'), () => toDo(JSON.parse(line))).then(
    () => console.log(`done ${number}`),
    (error) => console.log(`done ${number} with ${error.stack}`),
  );
});
process.stdin.unref?.();
process.on('SIGUSR2', () => console.log(`steps ${steps}`));
console.log('ready');
