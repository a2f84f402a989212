import { type StoredEvent } from '../events/event.js';
import { type Unsubscribe } from '../events/event-bus.js';
import { type HealthCheckId, type InstanceId, type TenantId } from '../ids/typed-id.js';
import { type Transition } from './check-state.js';
import { type HealthStatus } from './health-check.js';

export const HEALTH_EVENTS = [
  'health.failed',
  'health.degraded',
  'health.recovered',
  'health.flapping',
] as const;

/** A check has changed for better or worse. Told once, by the replica that found it. */
export interface HealthEvent {
  type: `health.${Transition}`;
  tenantId: TenantId;
  payload: {
    checkId: HealthCheckId;
    name: string;
    instanceId?: InstanceId;
    status: HealthStatus;
    /** What the last result said. */
    message: string;
  };
}

/** How transitions are told, and heard. */
export abstract class HealthEvents {
  /** In the current transaction, if the store has them. */
  abstract publish(event: HealthEvent): Promise<void>;

  /** Calls with every transition from now on, of all tenants and replicas. */
  abstract subscribe(handler: (event: HealthEvent & Pick<StoredEvent, 'createdAt'>) => void): Unsubscribe;
}
