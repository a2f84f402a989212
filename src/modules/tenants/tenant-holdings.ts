import { Injectable } from '@nestjs/common';
import { type TenantId } from '../ids/typed-id.js';

/** Removes all of one kind that the tenant has. Repeating it is no error. */
export type RemoveHoldings = (tenantId: TenantId) => Promise<void>;

/**
 * What tenants own beside workloads and datacenters. A module that `TenantsModule` does not know, such as the network,
 * says here how its part goes when a tenant is deleted.
 */
@Injectable()
export class TenantHoldings {
  private readonly removals = new Set<RemoveHoldings>();

  register(remove: RemoveHoldings): void {
    this.removals.add(remove);
  }

  async removeAll(tenantId: TenantId): Promise<void> {
    for (const remove of this.removals) await remove(tenantId);
  }
}
