import { Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { systemClaims, withClaims } from '../../modules/auth/claims.js';
import { everyItem } from '../../modules/database/page.js';
import { EventBus, type Unsubscribe } from '../../modules/events/event-bus.js';
import { HealthCheckNameTakenError } from '../../modules/health-checks/health-check.errors.js';
import {
  HEALTH_CHECK_DEFAULTS,
  type HealthCheckRequest,
} from '../../modules/health-checks/health-check-input.js';
import { HealthService } from '../../modules/health-checks/health.service.js';
import { type InstanceId, type TenantId, type WorkloadId } from '../../modules/ids/typed-id.js';
import { withDefaults } from '../../modules/input/with-defaults.js';
import { InstanceReadiness, type Readiness } from '../../modules/instances/readiness.js';

/**
 * Gives every instance of a workload the checks that the fleet file declares, also those that are made later. One that
 * has not got them yet is not ready: a rolling update must not go on before they have been asked.
 */
@Injectable()
export class FleetChecks implements OnApplicationShutdown {
  private readonly declared = new Map<
    WorkloadId,
    { tenantId: TenantId; checks: readonly HealthCheckRequest[] }
  >();
  private readonly given = new Set<InstanceId>();
  private subscriptions: Unsubscribe[] = [];

  constructor(
    private readonly events: EventBus,
    private readonly readiness: InstanceReadiness,
    @Optional() private readonly health?: HealthService,
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
    this.listen();
    for await (const { id } of instances) await this.give(tenantId, id, checks);
  }

  onApplicationShutdown(): void {
    for (const unsubscribe of this.subscriptions) unsubscribe();
  }

  private listen(): void {
    if (this.subscriptions.length > 0) return;
    this.subscriptions = [
      this.events.subscribe('instance.created', ({ payload }) => this.created(payload)),
      this.events.subscribe('instance.deleted', ({ payload }) => {
        this.given.delete(payload.instanceId as InstanceId);
      }),
    ];
    this.readiness.add(async (instances) => {
      const waiting = instances.filter(
        ({ id, workloadId }) => workloadId && this.declared.has(workloadId) && !this.given.has(id),
      );
      return new Map<InstanceId, Readiness>(waiting.map(({ id }) => [id, 'it has not got its checks yet']));
    });
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
          if (name === check.name)
            await this.health!.update(tenantId, id, withDefaults(HEALTH_CHECK_DEFAULTS, check));
      }
    }
    this.given.add(instanceId);
  }
}
