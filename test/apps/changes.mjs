// Changes an instance or a workload, and is killed where it is told: before a statement, or around a call of the provider.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  DatabaseModule,
  InstancesService,
  ProcessProvider,
  ProviderRegistry,
  systemClaims,
  TenantsModule,
  withClaims,
  WorkloadsService,
} from 'ctrlplane-workers/control-plane';
import pg from 'pg';

const { DATABASE_URL, DIRECTORY, CHANGE, KILL_AT } = process.env;
const { on, method, args } = JSON.parse(CHANGE);

let steps = -Infinity;
function step() {
  if (++steps === Number(KILL_AT)) process.kill(process.pid, 'SIGKILL');
}

const { query } = pg.Client.prototype;
pg.Client.prototype.query = function (...given) {
  step();
  return query.apply(this, given);
};

const provider = new ProcessProvider({ directory: DIRECTORY, users: 'same', stopGrace: '200ms' });
const stepwise = new Proxy(provider, {
  get: (target, name) => {
    const member = target[name];
    if (typeof member !== 'function') return member;
    return (...given) => {
      step();
      const result = member.apply(target, given);
      return result instanceof Promise ? result.finally(step) : result;
    };
  },
});

class Changes {}
Module({ imports: [DatabaseModule.forRoot({ url: DATABASE_URL }), TenantsModule] })(Changes);

const app = await NestFactory.createApplicationContext(Changes, { logger: ['error'] });
const find = (type) => app.get(type, { strict: false });
find(ProviderRegistry).register('process', stepwise);
const services = { instances: find(InstancesService), workloads: find(WorkloadsService) };
steps = 0;
await withClaims(systemClaims('test'), () => services[on][method](...args));
console.log(`steps ${steps}`);
steps = -Infinity;
await app.close();
process.exit(0);
