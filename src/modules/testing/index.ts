export { datacenterRepositoryContract } from '../datacenters/datacenter.repository.contract.js';
export { eventBusContract, type EventBusSetup } from '../events/event-bus.contract.js';
export { instanceRepositoryContract } from '../instances/instance.repository.contract.js';
export { telemetryStoreContract, type TelemetryStoreSetup } from '../telemetry/telemetry.store.contract.js';
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
} from '../workers/garbage-collector/orphan.repository.contract.js';
export { type SeededInstance } from '../brakes/seeded-instance.js';
export { brakeRepositoryContract, type BrakeRepositorySetup } from '../brakes/brake.repository.contract.js';
export {
  certificateStoreContract,
  type CertificateStoreSetup,
} from '../certificates/certificate.store.contract.js';
export { InMemoryCertificateStore } from '../certificates/in-memory-certificate.store.js';
export { InMemoryHttpChallengeStore } from '../certificates/challenges/in-memory-http-challenge.store.js';
export { InMemoryIssuerStateStore } from '../certificates/issuers/in-memory-issuer-state.store.js';
export { certificateIssuerContract, type IssuerUnderTest } from '../certificates/issuers/issuer.contract.js';
export { InMemoryIssuanceLimiter } from '../certificates/limits/in-memory-issuance-limiter.js';
export {
  issuanceLimiterContract,
  type IssuanceLimiterSetup,
} from '../certificates/limits/issuance-limiter.contract.js';
export {
  SimulatedCa,
  type SimulatedCaOptions,
  type SimulatedFault,
  type SimulatedOrder,
} from '../certificates/issuers/simulated-ca/simulated-ca.js';
export { domainStoreContract } from '../network/domain.store.contract.js';
export { InMemoryDomainStore } from '../network/in-memory-domain.store.js';
export { routeStoreContract } from '../network/route.store.contract.js';
export {
  healthCheckRepositoryContract,
  type HealthCheckRepositorySetup,
} from '../health-checks/health-check.repository.contract.js';
export { healthHistoryRepositoryContract } from '../health-checks/health-history.repository.contract.js';
export { maintenanceRepositoryContract } from '../health-checks/maintenance.repository.contract.js';
export { deploymentRepositoryContract } from '../workloads/deployment.repository.contract.js';
export {
  bootstrapRepositoryContract,
  type BootstrapRepositorySetup,
} from '../bootstrap/bootstrap.repository.contract.js';
export {
  driftRepositoryContract,
  type DriftRepositorySetup,
  type SeededDriftInstance,
} from '../workers/reconciler/drift.repository.contract.js';
export {
  garbagePassContract,
  type GarbagePassSetup,
} from '../workers/garbage-collector/passes/garbage-pass.contract.js';
export { scheduleStoreContract, type ScheduleStoreSetup } from '../schedules/schedule.store.contract.js';
