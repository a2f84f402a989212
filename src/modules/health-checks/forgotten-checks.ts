import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { EventBus, type Unsubscribe } from '../events/event-bus.js';
import { type InstanceId } from '../ids/typed-id.js';
import { HealthCheckRepository } from './health-check.repository.js';

/** Removes the checks of an instance that was deleted. Those that are left over are never run. */
@Injectable()
export class ForgottenChecks implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('HealthChecks');
  private unsubscribe?: Unsubscribe;

  constructor(
    private readonly events: EventBus,
    private readonly checks: HealthCheckRepository,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.events.subscribe('instance.deleted', async ({ tenantId, payload }) => {
      const { instanceId } = payload as { instanceId?: InstanceId };
      if (tenantId === undefined || instanceId === undefined) return;
      const removed = await this.checks.deleteOfInstance(tenantId, instanceId);
      if (removed > 0) this.logger.log(`Removed ${removed} checks of ${instanceId}, which is gone`);
    });
  }

  onApplicationShutdown(): void {
    this.unsubscribe?.();
  }
}
