export * from './datacenter.errors.js';
export { type Datacenter } from './datacenter.js';
export { DatacenterRepository } from './datacenter.repository.js';
export { DatacentersModule } from './datacenters.module.js';
export { DatacentersService } from './datacenters.service.js';
