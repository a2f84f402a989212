import { Injectable } from '@nestjs/common';
import { type RunContext } from '../../../../core/worker/run-context.js';
import { withSystemClaims } from '../../../auth/claims.js';
import { forEachIsolated } from '../../../concurrency/for-each-isolated.js';
import { Transactions } from '../../../database/transaction.js';
import { EventBus } from '../../../events/event-bus.js';
import { type TenantId } from '../../../ids/typed-id.js';
import { InstancesService } from '../../../instances/instances.service.js';
import { type DeletableOrphan, OrphanRepository } from '../orphan.repository.js';
import { type Tally } from '../tally.js';

/** On whose behalf orphans are deleted, and how many. */
export interface OrphanDeletionScope {
  readonly context: RunContext;
  readonly tally: Tally;
  readonly dryRun: boolean;
  readonly maxItems: number;
}

/** Deletes orphans of one tenant after the other, each asked for once more under the lock of its row. */
@Injectable()
export class OrphanDeletion {
  constructor(
    private readonly orphans: OrphanRepository,
    private readonly instances: InstancesService,
    private readonly events: EventBus,
    private readonly transactions: Transactions,
  ) {}

  /** @returns whether the limit left none */
  async ofTenant(
    tenantId: TenantId,
    candidates: readonly DeletableOrphan[],
    scope: OrphanDeletionScope,
  ): Promise<boolean> {
    const { context, tally, dryRun, maxItems } = scope;
    const { signal } = context;
    if (candidates.some(({ cause }) => cause === 'lost_tenant')) await this.endWorkloads(tenantId, scope);
    let left = 0;
    const { failures } = await forEachIsolated(candidates, { concurrency: 1, signal }, async (candidate) => {
      if (dryRun) {
        if (await this.orphans.isOrphan(candidate)) note(tenantId, candidate, scope);
        return;
      }
      if (tally.deleted + tally.deleting >= maxItems) return void left++;
      tally.deleting++;
      try {
        if (!(await this.orphans.claim(candidate))) return;
        tally.orphans++;
        await this.sweep(tenantId, candidate, context);
        tally.deleted++;
      } finally {
        tally.deleting--;
      }
    });
    const errors = failures.map(({ error }) => error);
    if (errors.length > 0) await this.tenantFailed(tenantId, errors, scope);
    return left === 0;
  }

  async tenantFailed(
    tenantId: TenantId,
    errors: readonly unknown[],
    { context, tally }: Pick<OrphanDeletionScope, 'context' | 'tally'>,
  ): Promise<void> {
    tally.failedTenants++;
    tally.failed += errors.length;
    const error = errors[0] instanceof Error ? errors[0].message : String(errors[0]);
    context.logger.warn(
      `${tenantId}: ${error}${errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''}`,
    );
    await this.events.publish({
      type: 'gc.tenant_failed',
      tenantId,
      payload: { error, failures: errors.length },
    });
  }

  /** Else the reconciler would make anew what is deleted. */
  private async endWorkloads(tenantId: TenantId, { context, dryRun }: OrphanDeletionScope): Promise<void> {
    if (dryRun) return;
    await this.transactions.run(async () => {
      for (const workloadId of await this.orphans.deleteWorkloadsOfLostTenant(tenantId)) {
        await this.events.publish({ type: 'workload.deleted', tenantId, payload: { workloadId } });
        context.logger.log(`Deleted ${workloadId} of ${tenantId}, which is gone`);
      }
    });
  }

  private async sweep(
    tenantId: TenantId,
    { instanceId, workloadId }: DeletableOrphan,
    { signal, logger }: RunContext,
  ): Promise<void> {
    await withSystemClaims(tenantId, () =>
      this.instances.delete(tenantId, instanceId, { reason: 'orphan_swept', signal }),
    );
    logger.log(`Deleted ${instanceId} of ${tenantId}, whose ${workloadId || 'tenant'} is gone`);
  }
}

function note(
  tenantId: TenantId,
  { instanceId, workloadId }: DeletableOrphan,
  { context, tally }: OrphanDeletionScope,
): void {
  tally.orphans++;
  context.logger.log(
    `Dry run: would delete ${instanceId} of ${tenantId}, whose ${workloadId || 'tenant'} is gone`,
  );
}
