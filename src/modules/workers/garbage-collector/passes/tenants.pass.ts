import { Injectable } from '@nestjs/common';
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
  ) {
    super();
  }

  protected async *pages({ gracePeriod }: PassLimits): AsyncIterable<readonly Garbage[]> {
    const empty = await this.orphans.emptyDeletedTenantsAcrossTenants(gracePeriod);
    yield empty.map((tenantId) => ({ key: tenantId, tenantId, cause: 'deleted' as const }));
  }

  protected async remove({ key }: Garbage, signal: AbortSignal): Promise<boolean> {
    await this.tenants.delete(key as TenantId, { signal });
    return true;
  }
}
