import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { EventsModule } from '../events/events.module.js';
import { InstancesModule } from '../instances/instances.module.js';
import { ProvidersModule } from '../providers/providers.module.js';
import { TenantStoreModule } from '../tenants/tenant-store.module.js';
import { BootstrapConvergence } from './bootstrap-convergence.js';
import { BootstrapDesired } from './bootstrap-desired.js';
import { BootstrapHooks } from './bootstrap-hooks.js';
import { BootstrapRepository } from './bootstrap.repository.js';
import { BootstrapServices } from './bootstrap.service.js';
import { PostgresBootstrapRepository } from './postgres-bootstrap.repository.js';

/** Provides the `BootstrapServices`, and finds the `@BootstrapHook()`s of the application. Needs the `DatabaseModule`. */
@Module({
  imports: [DiscoveryModule, EventsModule, ProvidersModule, InstancesModule, TenantStoreModule],
  providers: [
    BootstrapServices,
    BootstrapConvergence,
    BootstrapDesired,
    BootstrapHooks,
    { provide: BootstrapRepository, useClass: PostgresBootstrapRepository },
  ],
  exports: [BootstrapServices, BootstrapRepository],
})
export class BootstrapModule {}
