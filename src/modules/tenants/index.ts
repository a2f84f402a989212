export { OWN_TENANT } from './own-tenant.js';
export * from './tenant.errors.js';
export { type Tenant } from './tenant.js';
export { TenantRepository } from './tenant.repository.js';
export { TenantsModule } from './tenants.module.js';
export { TenantsService } from './tenants.service.js';
