import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '../../core/worker/interval.decorator.js';
import { type RunContext } from '../../core/worker/run-context.js';
import { EventBus, type Unsubscribe } from '../events/event-bus.js';
import { type InstanceId } from '../ids/typed-id.js';
import { InstanceRepository } from '../instances/instance.repository.js';
import { HealthCheckRepository } from './health-check.repository.js';

const PAGE = 1_000;

/**
 * Removes the checks of instances that were deleted: at once by the event, and hourly those whose event nobody received, as
 * when an instance was deleted while no replica was running. Checks of an instance whose row is lost and not deleted stay:
 * it may get its row again (`LostInstances`).
 */
@Injectable()
export class ForgottenChecks implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('HealthChecks');
  private unsubscribe?: Unsubscribe;

  constructor(
    private readonly events: EventBus,
    private readonly checks: HealthCheckRepository,
    private readonly instances: InstanceRepository,
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

  @Interval('forgotten_checks', '1h', {
    description: 'Removes health checks of instances that were deleted while nobody received the event',
    runOnStart: true,
    record: 'failures',
    timeout: '5m',
  })
  async sweep({ signal, logger }: Pick<RunContext, 'signal' | 'logger'>, pageSize = PAGE): Promise<void> {
    let removed = 0;
    for (let after: InstanceId | undefined; ;) {
      signal.throwIfAborted();
      const page = await this.checks.instancesAcrossTenants({ limit: pageSize, after });
      const ids = page.map(({ instanceId }) => instanceId);
      const deleted = new Set(await this.instances.deletedAcrossTenants(ids));
      for (const { tenantId, instanceId } of page)
        if (deleted.has(instanceId)) removed += await this.checks.deleteOfInstance(tenantId, instanceId);
      if (page.length < pageSize) break;
      after = page.at(-1)!.instanceId;
    }
    if (removed > 0) logger.log(`Removed ${removed} checks of instances that were deleted`);
  }
}
