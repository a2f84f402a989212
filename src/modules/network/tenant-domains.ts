import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type TenantId } from '../ids/typed-id.js';
import { TenantHoldings } from '../tenants/tenant-holdings.js';
import { NetworkService } from './network.service.js';

/**
 * Domains are deleted with their tenant: otherwise their certificates would be renewed for ever, and no other tenant
 * could have the names.
 */
@Injectable()
export class TenantDomains implements OnModuleInit {
  constructor(
    private readonly network: NetworkService,
    private readonly holdings: TenantHoldings,
  ) {}

  onModuleInit(): void {
    this.holdings.register((tenantId) => this.removeAll(tenantId));
  }

  private async removeAll(tenantId: TenantId): Promise<void> {
    for (;;) {
      const { items } = await this.network.listDomains(tenantId);
      if (items.length === 0) return;
      for (const { id } of items) await this.network.removeDomain(tenantId, id);
    }
  }
}
