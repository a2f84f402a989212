import { Injectable } from '@nestjs/common';
import { withSystemClaims } from '../../auth/claims.js';
import { BOOTSTRAP_LABELS } from '../../bootstrap/bootstrap-service.js';
import { isId, type TenantId } from '../../ids/typed-id.js';
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
    const owners = new Map<string, { tenantId: TenantId; workloadId?: string; lost: LostInstance[] }>();
    for (const lost of await this.lost.among(provider, withoutRow, signal)) {
      const { tenantId, labels } = lost.notes;
      if (labels[BOOTSTRAP_LABELS.bootstrap] !== undefined) continue;
      const workloadId = labels[LABELS.workload];
      const key = `${tenantId} ${workloadId ?? ''}`;
      const owner = owners.get(key) ?? { tenantId, workloadId, lost: [] };
      owner.lost.push(lost);
      owners.set(key, owner);
    }
    for (const { tenantId, workloadId, lost } of owners.values()) {
      signal.throwIfAborted();
      if (!(await this.tenants.find(tenantId))) continue;
      if (workloadId === undefined) adopted.push(...(await this.lost.restore(lost)));
      else if (isId('workload', workloadId))
        adopted.push(
          ...(await withSystemClaims(tenantId, () => this.workloads.adopt(tenantId, workloadId, lost))),
        );
    }
    return adopted;
  }
}
