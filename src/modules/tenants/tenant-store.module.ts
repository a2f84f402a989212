import { Module } from '@nestjs/common';
import { TenantHoldings } from './tenant-holdings.js';
import { TenantRepository } from './tenant.repository.js';
import { TypeOrmTenantRepository } from './typeorm-tenant.repository.js';

/** The rows, and what else tenants own, for the modules that `TenantsModule` itself is built on. */
@Module({
  providers: [TenantHoldings, { provide: TenantRepository, useClass: TypeOrmTenantRepository }],
  exports: [TenantRepository, TenantHoldings],
})
export class TenantStoreModule {}
