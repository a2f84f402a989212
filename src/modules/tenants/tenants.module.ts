import { Module } from '@nestjs/common';
import { DatacentersModule } from '../datacenters/datacenters.module.js';
import { EventsModule } from '../events/events.module.js';
import { InstancesModule } from '../instances/instances.module.js';
import { WorkloadsModule } from '../workloads/workloads.module.js';
import { TenantStoreModule } from './tenant-store.module.js';
import { TenantsService } from './tenants.service.js';

/** Provides the `TenantsService`. Needs the `DatabaseModule`. */
@Module({
  imports: [TenantStoreModule, DatacentersModule, WorkloadsModule, InstancesModule, EventsModule],
  providers: [TenantsService],
  exports: [TenantsService],
})
export class TenantsModule {}
