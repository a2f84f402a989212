import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.js';
import { TenantStoreModule } from '../tenants/tenant-store.module.js';
import { DatacenterRepository } from './datacenter.repository.js';
import { DatacentersService } from './datacenters.service.js';
import { TypeOrmDatacenterRepository } from './typeorm-datacenter.repository.js';

/** Provides the `DatacentersService`. Needs the `DatabaseModule`. */
@Module({
  imports: [TenantStoreModule, EventsModule],
  providers: [DatacentersService, { provide: DatacenterRepository, useClass: TypeOrmDatacenterRepository }],
  exports: [DatacentersService, DatacenterRepository],
})
export class DatacentersModule {}
