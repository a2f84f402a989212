import { Injectable } from '@nestjs/common';
import { Transactions } from '../../../database/transaction.js';
import { type TenantId } from '../../../ids/typed-id.js';
import { TenantsService } from '../../../tenants/tenants.service.js';
import { OrphanRepository } from '../orphan.repository.js';
import { type PassLimits } from './garbage-pass.js';
import { type Garbage, SweepPass } from './sweep-pass.js';

/** What deleted tenants have left once nothing of theirs runs: datacenters, workloads, and what belongs to those. */
@Injectable()
export class TenantsPass extends SweepPass {
  readonly name = 'tenants';
  readonly description = 'Datacenters and workloads of tenants that were deleted.';
  protected override readonly concurrency = 1;

  constructor(
    private readonly orphans: OrphanRepository,
    private readonly tenants: TenantsService,
    private readonly transactions: Transactions,
  ) {
    super();
  }

  protected async *pages({ gracePeriod }: PassLimits): AsyncIterable<readonly Garbage[]> {
    const empty = await this.orphans.emptyDeletedTenantsAcrossTenants(gracePeriod);
    yield empty.map((tenantId) => ({ key: tenantId, tenantId, cause: 'deleted' as const }));
  }

  /** In one transaction, as a tenant that was restored meanwhile keeps all. Nothing runs for it: no provider is asked. */
  protected async remove({ key }: Garbage, signal: AbortSignal): Promise<boolean> {
    const tenantId = key as TenantId;
    return this.transactions.run(async () => {
      if (!(await this.orphans.holdEmptyDeletedTenant(tenantId))) return false;
      await this.tenants.delete(tenantId, { signal });
      return true;
    });
  }
}
