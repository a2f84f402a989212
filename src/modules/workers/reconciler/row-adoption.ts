import { Injectable } from '@nestjs/common';
import { withSystemClaims } from '../../auth/claims.js';
import { BOOTSTRAP_LABELS } from '../../bootstrap/bootstrap-service.js';
import { isId, type TenantId, type WorkloadId } from '../../ids/typed-id.js';
import { type Instance } from '../../instances/instance.js';
import { type LostInstance, LostInstances } from '../../instances/lost-instances.js';
import { LABELS, type ProviderInstance } from '../../providers/provider.js';
import { TenantRepository } from '../../tenants/tenant.repository.js';
import { WorkloadsService } from '../../workloads/workloads.service.js';

/**
 * Gives instances rows again whose rows are lost, where something here asks for them: a workload that has too few, or,
 * where they belong to none, their tenant. A bootstrap service sees to its own before it makes any anew.
 */
@Injectable()
export class RowAdoption {
  constructor(
    private readonly lost: LostInstances,
    private readonly workloads: WorkloadsService,
    private readonly tenants: TenantRepository,
  ) {}

  async adopt(
    provider: string,
    withoutRow: readonly ProviderInstance[],
    signal: AbortSignal,
  ): Promise<Instance[]> {
    const adopted: Instance[] = [];
    const byOwner = new Map<string, LostInstance[]>();
    for (const lost of await this.lost.among(provider, withoutRow, signal)) {
      const { tenantId, labels } = lost.notes;
      if (labels[BOOTSTRAP_LABELS.bootstrap] !== undefined) continue;
      const owner = `${tenantId} ${labels[LABELS.workload] ?? ''}`;
      byOwner.set(owner, [...(byOwner.get(owner) ?? []), lost]);
    }
    for (const [owner, lost] of byOwner) {
      signal.throwIfAborted();
      const [tenantId, workloadId] = owner.split(' ') as [TenantId, WorkloadId | ''];
      if (!(await this.tenants.find(tenantId))) continue;
      if (workloadId === '') adopted.push(...(await this.lost.restore(lost)));
      else if (isId('workload', workloadId))
        adopted.push(
          ...(await withSystemClaims(tenantId, () => this.workloads.adopt(tenantId, workloadId, lost))),
        );
    }
    return adopted;
  }
}
