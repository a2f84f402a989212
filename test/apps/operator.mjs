// Somebody who asks a control plane for something and runs nothing: its services on the database in DATABASE_URL, without
// a provider, so that everything is a request which the host of the instance picks up. Takes a line of JSON each,
// `{ n, act, tenantId, id, ... }`, and answers `{ n }` or `{ n, refused }`.
import 'reflect-metadata';
import { createInterface } from 'node:readline';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  DatabaseModule,
  InstancesModule,
  InstancesService,
  ProvidersModule,
  systemClaims,
  TenantsModule,
  withClaims,
  WorkloadsModule,
  WorkloadsService,
} from 'ctrlplane-workers/control-plane';

class OperatorModule {}
Module({
  imports: [
    DatabaseModule.forRoot({ url: process.env.DATABASE_URL }),
    ProvidersModule,
    TenantsModule,
    WorkloadsModule,
    InstancesModule,
  ],
})(OperatorModule);

const app = await NestFactory.createApplicationContext(OperatorModule, { logger: ['error', 'fatal'] });
const instances = app.get(InstancesService, { strict: false });
const workloads = app.get(WorkloadsService, { strict: false });

const acts = {
  restart: ({ tenantId, id }) => instances.restart(tenantId, id),
  stop: ({ tenantId, id }) => instances.stop(tenantId, id),
  start: ({ tenantId, id }) => instances.start(tenantId, id),
  deploy: async ({ tenantId, id, mark }) => {
    const { spec } = await instances.get(tenantId, id);
    await instances.deploy(tenantId, id, { ...spec, env: { ...spec.env, MARK: mark } });
  },
  delete: ({ tenantId, id }) => instances.delete(tenantId, id),
  scale: ({ tenantId, id, replicas }) => workloads.scale(tenantId, id, replicas),
  deleteWorkload: ({ tenantId, id }) => workloads.delete(tenantId, id),
};

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
say({ n: 0 });
for await (const line of createInterface({ input: process.stdin })) {
  const { n, act, ...asked } = JSON.parse(line);
  try {
    await withClaims(systemClaims('operator'), () => acts[act](asked));
    say({ n });
  } catch (error) {
    say({ n, refused: `${error.name}: ${error.message}` });
  }
}
await app.close();
