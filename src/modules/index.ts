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
  MissingTablesError,
  ReadOnlyDatabaseError,
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
export { FleetViewHttpModule } from './fleet-view/fleet-view-http.module.js';
export { type FleetInstance, type FleetQuery, FleetView } from './fleet-view/fleet-view.js';
export { EventsModule } from './events/events.module.js';
export { InvalidIdError } from './ids/id.errors.js';
export {
  type CertificateId,
  type DatacenterId,
  type DomainId,
  type EventId,
  type Id,
  type IdKind,
  ID_PREFIXES,
  type InstanceId,
  type HealthCheckId,
  isId,
  type MaintenanceWindowId,
  newId,
  parseId,
  type RouteId,
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
export { type LostInstance } from './instances/lost-instances.js';
export { InstancesService, type InstanceRequest } from './instances/instances.service.js';
export { type Placement, ProviderStores } from './providers/provider-stores.js';
export * from './providers/provider.js';
export * from './providers/provider.errors.js';
export { BaseProvider } from './providers/base.provider.js';
export { hashOf, specHash } from './providers/spec-hash.js';
export { ProviderRegistry } from './providers/provider.registry.js';
export { ProvidersModule } from './providers/providers.module.js';
export { ProcessProvider } from './providers/process/process.provider.js';
export { ProcessProviderModule } from './providers/process/process-provider.module.js';
export { type ProcessProviderOptions } from './providers/process/process-provider.options.js';
export {
  type MetricLabels,
  type MetricSample,
  type MetricSeries,
  type SeriesIdentity,
  seriesKey,
  type SeriesKind,
  type StoredSample,
} from './telemetry/metric.js';
export {
  type CollectedSample,
  type MetricCollector,
  type MetricCollectorOptions,
} from './telemetry/metric-collector.js';
export { InMemoryTelemetryStore } from './telemetry/in-memory-telemetry.store.js';
export { PostgresTelemetryStore } from './telemetry/postgres-telemetry.store.js';
export {
  RESOURCE_METRICS,
  type ResourceMetric,
  type ResourceSnapshot,
} from './telemetry/resource-metrics.js';
export { TelemetryCollector } from './telemetry/telemetry-collector.decorator.js';
export { TelemetryHttpModule } from './telemetry/telemetry-http.module.js';
export { type TelemetryLimits, type TelemetryOptions } from './telemetry/telemetry.options.js';
export {
  type MetricPoint,
  type MetricQuery,
  type MetricResult,
  type PushResult,
  type ResourceWindow,
  type TelemetryDashboard,
  TelemetryService,
} from './telemetry/telemetry.service.js';
export { type TelemetryCounts, TelemetryStore, type TimeRange } from './telemetry/telemetry.store.js';
export { type Aggregation, type WindowStatistics } from './telemetry/window-statistics.js';
export { TelemetryCollectorModule } from './workers/telemetry-collector/telemetry-collector.module.js';
export { type TelemetryCollectorOptions } from './workers/telemetry-collector/telemetry-collector.options.js';
export { TelemetryCollectorWorker } from './workers/telemetry-collector/telemetry-collector.worker.js';
export { OWN_TENANT } from './tenants/own-tenant.js';
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
} from './brakes/brake.js';
export * from './brakes/brake.errors.js';
export { type BrakeOptions } from './brakes/brake.options.js';
export { type BrakeLimits, BrakeRepository, type RowlessInstance } from './brakes/brake.repository.js';
export { BrakesModule } from './brakes/brakes.module.js';
export { BrakesHttpModule } from './brakes/brakes-http.module.js';
export { type BrakesHealth, GarbageCollectorBrakes } from './brakes/brakes.service.js';
export { GarbageCollectorModule } from './workers/garbage-collector/garbage-collector.module.js';
export { type GarbageCollectorOptions } from './workers/garbage-collector/garbage-collector.options.js';
export { GarbageCollector } from './workers/garbage-collector/garbage-collector.worker.js';
export {
  type OrphanCandidate,
  type OrphanCause,
  OrphanRepository,
  type SweepLimits,
  type SweepPosition,
  type SweptPage,
} from './workers/garbage-collector/orphan.repository.js';
export { type Certificate, type CertificateStage, type IssuedSummary } from './certificates/certificate.js';
export { UnknownCertificateError } from './certificates/certificate.errors.js';
export {
  type CertificateClaim,
  type CertificateQuery,
  CertificateStore,
  type Settled,
} from './certificates/certificate.store.js';
export { type CertificateView, certificateView } from './certificates/certificate-view.js';
export { DnsProvider, type TxtRecord } from './certificates/challenges/dns-provider.js';
export { HttpChallengeStore } from './certificates/challenges/http-challenge.store.js';
export {
  DnsWebhookError,
  type WebhookDnsOptions,
  WebhookDnsProvider,
} from './certificates/challenges/webhook-dns.provider.js';
export { AcmeIssuer } from './certificates/issuers/acme/acme.issuer.js';
export { type AcmeIssuerOptions, type ChallengeType } from './certificates/issuers/acme/acme.options.js';
export {
  CertificateIssuer,
  type Issuance,
  type IssuanceRequest,
  type RenewalInfo,
} from './certificates/issuers/certificate-issuer.js';
export {
  InvalidIssuersError,
  IssuerError,
  type IssuerErrorDetails,
  type IssuerFault,
} from './certificates/issuers/issuer.errors.js';
export { type IssuerState, IssuerStateStore } from './certificates/issuers/issuer-state.store.js';
export { Issuers } from './certificates/issuers/issuers.js';
export { type LocalCaOptions, LocalCaIssuer } from './certificates/issuers/local-ca/local-ca.issuer.js';
export * from './certificates/keys/key-ring.errors.js';
export { type EncryptionKey, KeyRing, type Sealed } from './certificates/keys/key-ring.js';
export { type Rotation, rotateKeys } from './certificates/keys/rotate-keys.js';
export { type Admission, IssuanceLimiter } from './certificates/limits/issuance-limiter.js';
export {
  type IssuanceLimits,
  LETS_ENCRYPT_LIMITS,
  type Limit,
} from './certificates/limits/issuance-limits.js';
export {
  CertificateServer,
  type CertificateServerOptions,
  type SniCallback,
} from './certificates/serving/certificate-server.js';
export { UnusableCertificateError } from './certificates/x509/check-issued.js';
export { type KeyType } from './certificates/x509/key-pair.js';
export { DnsLookup, type DnsLookupOptions } from './dns/dns-lookup.js';
export * from './dns/dns.errors.js';
export { type Domain } from './network/domain.js';
export { DomainPreflight, type PreflightFault } from './network/domain-preflight.js';
export { type ProofRecords } from './network/domain-proof.js';
export { DomainStore } from './network/domain.store.js';
export * from './network/network.errors.js';
export { NetworkModule } from './network/network.module.js';
export { type NetworkOptions } from './network/network.options.js';
export { type CertificateRequest, NetworkService, type RouteRequest } from './network/network.service.js';
export { type Route, type RouteProtocol } from './network/route.js';
export { type NewRoute, type RouteChange, type RouteQuery, RouteStore } from './network/route.store.js';
export { CertRenewerModule } from './workers/cert-renewer/cert-renewer.module.js';
export {
  acme,
  type CertRenewerOptions,
  type IssuerFactory,
  type IssuerParts,
  localCa,
} from './workers/cert-renewer/cert-renewer.options.js';
export { CertRenewer } from './workers/cert-renewer/cert-renewer.worker.js';
export { EgressPolicy, type EgressOptions } from './network-policy/egress-policy.js';
export * from './network-policy/network-policy.errors.js';
export * from './health-checks/health-check.errors.js';
export * from './health-checks/health-check.js';
export { type CheckState, type Transition } from './health-checks/check-state.js';
export { type HealthCheckChange, type HealthCheckRequest } from './health-checks/health-check-input.js';
export {
  type Beat,
  HealthCheckRepository,
  type HealthCheckQuery,
  type HealthTurn,
  type InstanceCheckState,
  type NewHealthCheck,
  type StateUpdate,
  type StoredState,
  type TurnClaims,
} from './health-checks/health-check.repository.js';
export { type Checker, type CheckerRequest, HealthChecker } from './health-checks/health-checker.js';
export { type HealthEvent, HealthEvents } from './health-checks/health-events.js';
export {
  type HealthCounts,
  HealthHistoryRepository,
  type HistoryQuery,
  type HistoryWriter,
} from './health-checks/health-history.repository.js';
export { type CheckReport, type SpanReport } from './health-checks/health-report.js';
export { type WatchedEvent, type WatchQuery } from './health-checks/health-watch.js';
export { HealthModule } from './health-checks/health.module.js';
export { type HealthOptions, type HealthStores } from './health-checks/health-module.options.js';
export {
  type CheckHealth,
  type ConfigureRequest,
  HealthService,
  type InstanceHealth,
} from './health-checks/health.service.js';
export { type CheckedInstance, InstanceAccess } from './health-checks/instance-access.js';
export { type MaintenanceRequest, type PushRequest } from './health-checks/maintenance-input.js';
export { type MaintenanceTimes, type MaintenanceWindow } from './health-checks/maintenance.js';
export { MaintenanceRepository } from './health-checks/maintenance.repository.js';
export {
  HealthRunnerModule,
  type HealthRunnerModuleAsyncOptions,
} from './workers/health-runner/health-runner.module.js';
export { type HealthRunnerOptions } from './workers/health-runner/health-runner.options.js';
export { HealthRunner, type RunnerCounts } from './workers/health-runner/health-runner.worker.js';
export { type Condition } from './instances/condition.js';
export { type InstanceBackoff } from './instances/instance-backoff.js';
export { InstanceReadiness, type Readiness, type ReadinessCheck } from './instances/readiness.js';
export { type Deployment, type DeploymentState } from './workloads/deployment.js';
export { DeploymentRepository } from './workloads/deployment.repository.js';
export { type RolloutPlan } from './workloads/rollout-plan.js';
export { type DriftPolicy, type Rollout } from './workloads/workload.js';
export { type RolloutInput, type WorkloadRequest, type WorkloadUpdate } from './workloads/workload-input.js';
export { BootstrapHook } from './bootstrap/bootstrap-hook.decorator.js';
export { DuplicateBootstrapHookError } from './bootstrap/bootstrap-hooks.js';
export {
  BOOTSTRAP_LABELS,
  type BootstrapService,
  type BootstrapState,
  type Contribution,
} from './bootstrap/bootstrap-service.js';
export { type BootstrapChange, BootstrapRepository } from './bootstrap/bootstrap.repository.js';
export { BootstrapModule } from './bootstrap/bootstrap.module.js';
export { BootstrapServices, type PlannedBootstrap } from './bootstrap/bootstrap.service.js';
export { type BootstrapProgram, type BootstrapServiceSpec } from './bootstrap/bootstrap-spec.js';
export { ReconcilerModule } from './workers/reconciler/reconciler.module.js';
export { type ReconcilerExtras, type ReconcilerOptions } from './workers/reconciler/reconciler.options.js';
export { Reconciler } from './workers/reconciler/reconciler.worker.js';
export { InstanceDriftWorker } from './workers/reconciler/instance-drift.worker.js';
export {
  DriftRepository,
  type DriftRow,
  type UnconvergedWorkload,
  type WaitingInstance,
} from './workers/reconciler/drift.repository.js';
export { ReconcilerHttpModule } from './workers/reconciler/reconciler-http.module.js';
export { type ReconcileStatus, ReconcilerStatus } from './workers/reconciler/reconciler-status.js';
export { type ReconcilerPlan, ReconcilerPreview } from './workers/reconciler/reconciler-preview.js';
