import { Module } from '@nestjs/common';
import { DatacentersModule } from '../datacenters/datacenters.module.js';
import { EventsModule } from '../events/events.module.js';
import { InstancesModule } from '../instances/instances.module.js';
import { ProvidersModule } from '../providers/providers.module.js';
import { TenantStoreModule } from '../tenants/tenant-store.module.js';
import { DeploymentRepository } from './deployment.repository.js';
import { PostgresDeploymentRepository } from './postgres-deployment.repository.js';
import { TypeOrmWorkloadRepository } from './typeorm-workload.repository.js';
import { WorkloadConvergence } from './workload-convergence.js';
import { WorkloadRepository } from './workload.repository.js';
import { WorkloadsService } from './workloads.service.js';

/** Provides the `WorkloadsService` and the `WorkloadRepository`. Needs the `DatabaseModule`. */
@Module({
  imports: [TenantStoreModule, DatacentersModule, InstancesModule, ProvidersModule, EventsModule],
  providers: [
    WorkloadsService,
    WorkloadConvergence,
    { provide: WorkloadRepository, useClass: TypeOrmWorkloadRepository },
    { provide: DeploymentRepository, useClass: PostgresDeploymentRepository },
  ],
  exports: [WorkloadsService, WorkloadRepository, DeploymentRepository],
})
export class WorkloadsModule {}
