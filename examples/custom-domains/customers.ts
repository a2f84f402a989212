import { Injectable, type OnModuleInit } from '@nestjs/common';
import { systemClaims, type TenantId, TenantsService, withClaims } from 'ctrlplane-workers/control-plane';

/** The customers of this SaaS: one, made with the first start. */
@Injectable()
export class Customers implements OnModuleInit {
  tenantId!: TenantId;

  constructor(private readonly tenants: TenantsService) {}

  async onModuleInit(): Promise<void> {
    const tenant = await withClaims(systemClaims('setup'), () =>
      this.tenants.getByName('customer').catch(() => this.tenants.create({ name: 'customer' })),
    );
    this.tenantId = tenant.id;
  }
}
