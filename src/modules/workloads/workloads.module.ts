import { Module } from '@nestjs/common';
import { DatacentersModule } from '../datacenters/datacenters.module.js';
import { EventsModule } from '../events/events.module.js';
import { InstancesModule } from '../instances/instances.module.js';
import { ProvidersModule } from '../providers/providers.module.js';
import { TenantStoreModule } from '../tenants/tenant-store.module.js';
import { TypeOrmWorkloadRepository } from './typeorm-workload.repository.js';
import { WorkloadRepository } from './workload.repository.js';
import { WorkloadsService } from './workloads.service.js';

/** Provides the `WorkloadsService` and the `WorkloadRepository`. Needs the `DatabaseModule`. */
@Module({
  imports: [TenantStoreModule, DatacentersModule, InstancesModule, ProvidersModule, EventsModule],
  providers: [WorkloadsService, { provide: WorkloadRepository, useClass: TypeOrmWorkloadRepository }],
  exports: [WorkloadsService, WorkloadRepository],
})
export class WorkloadsModule {}
