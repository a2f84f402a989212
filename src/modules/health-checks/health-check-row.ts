import { type HealthCheckId, type InstanceId, type TenantId } from '../ids/typed-id.js';
import { type HealthCheck, type Probe, type UnhealthyAction } from './health-check.js';
import { type HealthCheckSettings } from './health-check-input.js';
import { LEASE_BEYOND_TIMEOUT } from './health-check.repository.js';

/** Of the table `health_checks`, as `HealthCheckRow` has them. */
export const HEALTH_CHECK_COLUMNS = `id, tenant_id, instance_id, name, probe, interval_ms, timeout_ms, failure_threshold,
  success_threshold, initial_delay_ms, startup_grace_ms, on_unhealthy, max_restarts_per_hour, enabled, revision,
  created_at, updated_at`;

export interface HealthCheckRow {
  id: HealthCheckId;
  tenant_id: TenantId;
  instance_id: InstanceId | null;
  name: string;
  probe: Probe;
  interval_ms: number;
  timeout_ms: number;
  failure_threshold: number;
  success_threshold: number;
  initial_delay_ms: number;
  startup_grace_ms: number;
  on_unhealthy: UnhealthyAction;
  max_restarts_per_hour: number;
  enabled: boolean;
  revision: number;
  created_at: Date;
  updated_at: Date;
}

/** In the order of the columns from `name` to `enabled`. */
export function settingsValues(settings: HealthCheckSettings): unknown[] {
  return [
    settings.name,
    JSON.stringify(settings.probe),
    settings.interval,
    settings.timeout,
    settings.failureThreshold,
    settings.successThreshold,
    settings.initialDelay,
    settings.startupGrace,
    settings.onUnhealthy,
    settings.maxRestartsPerHour,
    settings.enabled,
  ];
}

export function toHealthCheck(row: HealthCheckRow): HealthCheck {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    instanceId: row.instance_id ?? undefined,
    name: row.name,
    probe: row.probe,
    interval: row.interval_ms,
    timeout: row.timeout_ms,
    failureThreshold: row.failure_threshold,
    successThreshold: row.success_threshold,
    initialDelay: row.initial_delay_ms,
    startupGrace: row.startup_grace_ms,
    onUnhealthy: row.on_unhealthy,
    maxRestartsPerHour: row.max_restarts_per_hour,
    enabled: row.enabled,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** How long a claim of the check lasts, in milliseconds. */
export function leaseOf({ timeout }: HealthCheckSettings): number {
  return timeout + LEASE_BEYOND_TIMEOUT;
}
