export { AuthModule } from './auth/auth.module.js';
export { ControlPlaneController } from './auth/control-plane.controller.js';
export { ForbiddenError, UnauthorizedError } from './auth/auth.errors.js';
export {
  type Claims,
  requireClaims,
  requireCrossTenant,
  requireTenantAccess,
  systemClaims,
  SYSTEM_ROLE,
  withClaims,
  withSystemClaims,
} from './auth/claims.js';
export { type DatabaseOptions } from './schema/data-source.js';
export {
  DatabaseUnreachableError,
  InvalidDatabaseUrlError,
  UnknownMigrationsError,
} from './schema/schema.errors.js';
export {
  forEachIsolated,
  type IsolatedSummary,
  type IsolationOptions,
  type ItemFailure,
  ItemTimeoutError,
} from './concurrency/for-each-isolated.js';
export { ItemBackoff, type ItemBackoffOptions } from './concurrency/item-backoff.js';
export {
  type DueClaim,
  type ClaimOptions,
  type DueClaims,
  DueQueue,
  type DueQueueOptions,
  type Settlement,
} from './database/due-queue.js';
export {
  type BackoffOptions,
  type BackoffSettings,
  backoffSettings,
  waitAfterFailures,
  waitAfterFailuresSql,
} from './database/row-backoff.js';
export { TransactionRolledBackError } from './database/transaction.errors.js';
export { DatabaseModule, type DatabaseModuleAsyncOptions } from './schema/database.module.js';
export { migrate } from './schema/migrate.js';
export { everyItem, type Page, type PageQuery } from './database/page.js';
export { Transactions } from './database/transaction.js';
export { type Datacenter } from './datacenters/datacenter.js';
export * from './datacenters/datacenter.errors.js';
export { DatacenterRepository } from './datacenters/datacenter.repository.js';
export { DatacentersModule } from './datacenters/datacenters.module.js';
export { DatacentersService } from './datacenters/datacenters.service.js';
export { type NewEvent, type StoredEvent } from './events/event.js';
export { EventBus, type EventHandler, type RecentEventsQuery, type Unsubscribe } from './events/event-bus.js';
export { EventsHttpModule } from './events/events-http.module.js';
export { EventsModule } from './events/events.module.js';
export { InvalidIdError } from './ids/id.errors.js';
export {
  type DatacenterId,
  type EventId,
  type Id,
  type IdKind,
  ID_PREFIXES,
  type InstanceId,
  isId,
  newId,
  parseId,
  type TenantId,
  type WorkloadId,
} from './ids/typed-id.js';
export { InvalidInputError } from './input/input.errors.js';
export { type Instance, type InstanceReason, type InstanceState } from './instances/instance.js';
export * from './instances/instance.errors.js';
export { InstanceRepository, type InstanceQuery } from './instances/instance.repository.js';
export { InstancesModule } from './instances/instances.module.js';
export { type DeleteOptions, type Deletion, type DeletionReason } from './instances/deletion.js';
export { InstanceConvergence } from './instances/instance-convergence.js';
export { InstancesService, type InstanceRequest } from './instances/instances.service.js';
export { type Placement, ProviderStores } from './providers/provider-stores.js';
export * from './providers/provider.js';
export * from './providers/provider.errors.js';
export { hashOf, specHash } from './providers/spec-hash.js';
export { ProviderRegistry } from './providers/provider.registry.js';
export { ProvidersModule } from './providers/providers.module.js';
export { ProcessProvider } from './providers/process/process.provider.js';
export { ProcessProviderModule } from './providers/process/process-provider.module.js';
export { type ProcessProviderOptions } from './providers/process/process-provider.options.js';
export { type Tenant } from './tenants/tenant.js';
export * from './tenants/tenant.errors.js';
export { TenantRepository } from './tenants/tenant.repository.js';
export { TenantsModule } from './tenants/tenants.module.js';
export { TenantsService } from './tenants/tenants.service.js';
export { type Workload } from './workloads/workload.js';
export * from './workloads/workload.errors.js';
export { WorkloadRepository } from './workloads/workload.repository.js';
export { WorkloadsModule } from './workloads/workloads.module.js';
export { WorkloadsService } from './workloads/workloads.service.js';
export {
  type Brake,
  type BrakeCause,
  type BrakedInstance,
  type BrakeState,
  type Observation,
  type OrphanShare,
} from './workers/garbage-collector/brake.js';
export * from './workers/garbage-collector/brake.errors.js';
export { type BrakeLimits, BrakeRepository } from './workers/garbage-collector/brake.repository.js';
export { type BrakesHealth, GarbageCollectorBrakes } from './workers/garbage-collector/brakes.service.js';
export { GarbageCollectorModule } from './workers/garbage-collector/garbage-collector.module.js';
export {
  type BrakeOptions,
  type GarbageCollectorOptions,
} from './workers/garbage-collector/garbage-collector.options.js';
export { GarbageCollector } from './workers/garbage-collector/garbage-collector.worker.js';
export {
  type OrphanCandidate,
  OrphanRepository,
  type SweepLimits,
  type SweepPosition,
  type SweptPage,
} from './workers/garbage-collector/orphan.repository.js';
