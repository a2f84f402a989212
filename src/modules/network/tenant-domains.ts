import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type TenantId } from '../ids/typed-id.js';
import { TenantHoldings } from '../tenants/tenant-holdings.js';
import { NetworkService } from './network.service.js';

/** Domains go with their tenant: names that nobody owns would be renewed for ever, and nobody else could have them. */
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
