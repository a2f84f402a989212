export { type CheckState, type Transition } from './check-state.js';
export { type HealthCheckChange, type HealthCheckRequest } from './health-check-input.js';
export * from './health-check.errors.js';
export * from './health-check.js';
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
} from './health-check.repository.js';
export { type Checker, type CheckerRequest, HealthChecker } from './health-checker.js';
export { type HealthEvent, HealthEvents } from './health-events.js';
export {
  type HealthCounts,
  HealthHistoryRepository,
  type HistoryQuery,
  type HistoryWriter,
} from './health-history.repository.js';
export { type HealthOptions, type HealthStores } from './health-module.options.js';
export { type CheckReport, type SpanReport } from './health-report.js';
export { type WatchedEvent, type WatchQuery } from './health-watch.js';
export { HealthModule } from './health.module.js';
export {
  type CheckHealth,
  type ConfigureRequest,
  HealthService,
  type InstanceHealth,
} from './health.service.js';
export { type CheckedInstance, InstanceAccess } from './instance-access.js';
export { type MaintenanceRequest, type PushRequest } from './maintenance-input.js';
export { type MaintenanceTimes, type MaintenanceWindow } from './maintenance.js';
export { MaintenanceRepository } from './maintenance.repository.js';
