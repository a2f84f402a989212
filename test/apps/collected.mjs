// A control plane with the garbage collector, to be killed. What it is to be comes as JSON in PLANE: `url`, of a migrated
// database, and `instances`, the directory of the process provider. It does what it is told on stdin, one JSON line each, and
// says `done N` to the Nth, with what it gives as JSON.
//
// `{ "fault": n }` kills it, as kill -9 does, at the nth of its steps from then on: before each statement that writes, and
// before and after each removal at the provider.
import 'reflect-metadata';
import { createInterface } from 'node:readline';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import {
  DatabaseModule,
  GarbageCollectorModule,
  InstancesModule,
  InstancesService,
  ProcessProvider,
  ProcessProviderModule,
  systemClaims,
  TenantsModule,
  withClaims,
} from 'ctrlplane-workers/control-plane';

const { url, instances } = JSON.parse(process.env.PLANE);

let left = Infinity;
function step() {
  if (--left === 0) process.kill(process.pid, 'SIGKILL');
}

// Before TypeORM makes its first client. A write is known by its first word, but for those that begin with a WITH.
const query = pg.Client.prototype.query;
pg.Client.prototype.query = function (config, ...more) {
  const text = typeof config === 'string' ? config : config?.text;
  if (/^\s*(INSERT|UPDATE|DELETE|COMMIT)/i.test(text)) step();
  return query.call(this, config, ...more);
};
const deprovision = ProcessProvider.prototype.deprovision;
ProcessProvider.prototype.deprovision = async function (...args) {
  step();
  await deprovision.apply(this, args);
  step();
};

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

async function toDo({ fault, create, collect }) {
  if (fault !== undefined) left = fault;
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
  for (let times = 0; times < (collect ?? 0); times++)
    for (const worker of ['gc', 'gc_stores']) {
      const { outcome, error } = await (await scheduler.trigger(worker)).ended;
      outcomes.push(error ? `${worker}: ${error.message}` : outcome);
    }
  return outcomes;
}

let told = 0;
createInterface({ input: process.stdin }).on('line', (line) => {
  const number = ++told;
  withClaims(systemClaims('test'), () => toDo(JSON.parse(line))).then(
    (result) => console.log(`done ${number} ${JSON.stringify(result)}`),
    (error) => console.log(`done ${number} with ${error.stack}`),
  );
});
process.stdin.unref?.();
console.log('ready');
