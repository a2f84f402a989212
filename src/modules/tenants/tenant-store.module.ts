import { Module } from '@nestjs/common';
import { TenantRepository } from './tenant.repository.js';
import { TypeOrmTenantRepository } from './typeorm-tenant.repository.js';

/** The rows alone, for the modules that `TenantsModule` itself is built on. */
@Module({
  providers: [{ provide: TenantRepository, useClass: TypeOrmTenantRepository }],
  exports: [TenantRepository],
})
export class TenantStoreModule {}
