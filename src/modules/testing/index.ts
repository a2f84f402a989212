export { datacenterRepositoryContract } from '../datacenters/datacenter.repository.contract.js';
export { eventBusContract, type EventBusSetup } from '../events/event-bus.contract.js';
export { instanceRepositoryContract } from '../instances/instance.repository.contract.js';
export {
  tenantRepositoryContract,
  type TenantRepositorySetup,
} from '../tenants/tenant.repository.contract.js';
export {
  workloadRepositoryContract,
  type WorkloadRepositorySetup,
} from '../workloads/workload.repository.contract.js';
export { providerContract, type ProviderUnderTest } from '../providers/provider.contract.js';
export {
  orphanRepositoryContract,
  type OrphanRepositorySetup,
  type SeededInstance,
} from '../workers/garbage-collector/orphan.repository.contract.js';
