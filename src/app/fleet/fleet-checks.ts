import { Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { systemClaims, withClaims } from '../../modules/auth/claims.js';
import { everyItem } from '../../modules/database/page.js';
import { EventBus, type Unsubscribe } from '../../modules/events/event-bus.js';
import { HealthCheckNameTakenError } from '../../modules/health-checks/health-check.errors.js';
import { type HealthCheckRequest } from '../../modules/health-checks/health-check-input.js';
import { HealthService } from '../../modules/health-checks/health.service.js';
import { type InstanceId, type TenantId, type WorkloadId } from '../../modules/ids/typed-id.js';

/** Gives every instance of a workload the checks that the fleet file declares, also those that are made later. */
@Injectable()
export class FleetChecks implements OnApplicationShutdown {
  private readonly declared = new Map<
    WorkloadId,
    { tenantId: TenantId; checks: readonly HealthCheckRequest[] }
  >();
  private unsubscribe?: Unsubscribe;

  constructor(
    @Optional() private readonly health?: HealthService,
    @Optional() private readonly events?: EventBus,
  ) {}

  /** Nothing where the app has no health checks, as when it only takes the fleet down. */
  async declare(
    tenantId: TenantId,
    workloadId: WorkloadId,
    instances: AsyncIterable<{ id: InstanceId }>,
    checks: readonly HealthCheckRequest[],
  ): Promise<void> {
    if (!this.health || checks.length === 0) return;
    this.declared.set(workloadId, { tenantId, checks });
    this.unsubscribe ??= this.events?.subscribe('instance.created', ({ payload }) => this.created(payload));
    for await (const { id } of instances) await this.give(tenantId, id, checks);
  }

  onApplicationShutdown(): void {
    this.unsubscribe?.();
  }

  private async created(payload: { instanceId?: InstanceId; workloadId?: WorkloadId }): Promise<void> {
    const { instanceId, workloadId } = payload;
    const found = workloadId && this.declared.get(workloadId);
    if (!found || !instanceId) return;
    await withClaims(systemClaims('fleet'), () => this.give(found.tenantId, instanceId, found.checks));
  }

  private async give(
    tenantId: TenantId,
    instanceId: InstanceId,
    checks: readonly HealthCheckRequest[],
  ): Promise<void> {
    for (const check of checks) {
      try {
        await this.health!.configure(tenantId, { ...check, instanceId });
      } catch (error) {
        if (!(error instanceof HealthCheckNameTakenError)) throw error;
        const existing = everyItem((after) => this.health!.listChecks(tenantId, { instanceId, after }));
        for await (const { id, name } of existing)
          if (name === check.name) await this.health!.update(tenantId, id, check);
      }
    }
  }
}
