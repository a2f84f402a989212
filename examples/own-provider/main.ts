/*
 * A provider of one's own under the reconciler: instances are threads of this process, which end after half a second
 * and are started again, with growing waits. DATABASE_URL names a PostgreSQL, 13 or newer.
 *
 *     npm run examples:build && DATABASE_URL=postgres://… node dist/examples/own-provider/main.js
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import {
  DatabaseModule,
  EventBus,
  ProviderRegistry,
  ProvidersModule,
  ReconcilerModule,
  systemClaims,
  TenantsModule,
  TenantsService,
  withClaims,
  WorkloadsService,
} from 'ctrlplane-workers/control-plane';
import { fileURLToPath } from 'node:url';
import { ThreadProvider } from './thread.provider.js';

@Module({
  imports: [
    DatabaseModule.forRoot({ url: process.env.DATABASE_URL ?? 'postgres://localhost/app' }),
    ProvidersModule,
    TenantsModule,
    WorkerModule.forRoot(),
    ReconcilerModule.forRoot({ interval: '1s' }),
  ],
})
class AppModule {
  // In the constructor: everything that is started later finds it.
  constructor(registry: ProviderRegistry) {
    registry.register('threads', new ThreadProvider());
  }
}

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['log', 'warn', 'error'] });
app.enableShutdownHooks([], { useProcessExit: true });
app
  .get(EventBus, { strict: false })
  .subscribe('*', ({ type, payload }) => console.log(`${type} ${String(payload.name)}`));

await withClaims(systemClaims('example'), async () => {
  const tenants = app.get(TenantsService, { strict: false });
  const tenant =
    (await tenants.getByName('acme').catch(() => undefined)) ?? (await tenants.create({ name: 'acme' }));
  const workloads = app.get(WorkloadsService, { strict: false });
  if (await workloads.getByName(tenant.id, 'brief').catch(() => undefined)) return;
  const command = [fileURLToPath(new URL('brief-task.js', import.meta.url)), 'brief'];
  await workloads.create(tenant.id, { name: 'brief', replicas: 1, spec: { command } });
});
