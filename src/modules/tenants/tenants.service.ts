import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { requireCrossTenant, requireTenantAccess } from '../auth/claims.js';
import { type Page, type PageQuery } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { DatacenterRepository } from '../datacenters/datacenter.repository.js';
import { EventBus } from '../events/event-bus.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { name, parseInput } from '../input/input.js';
import { InstancesElsewhereError } from '../instances/instance.errors.js';
import { InstancesService } from '../instances/instances.service.js';
import { WorkloadsService } from '../workloads/workloads.service.js';
import { UnknownTenantError } from './tenant.errors.js';
import { type Tenant } from './tenant.js';
import { TenantHoldings } from './tenant-holdings.js';
import { TenantRepository } from './tenant.repository.js';

/** What it takes to make a tenant. */
export interface NewTenant {
  name: string;
}

const newTenant = z.strictObject({ name });

/** Tenants, and all that is theirs. Making, listing and deleting them takes system claims over all tenants. */
@Injectable()
export class TenantsService {
  constructor(
    private readonly tenants: TenantRepository,
    private readonly datacenters: DatacenterRepository,
    private readonly workloads: WorkloadsService,
    private readonly instances: InstancesService,
    private readonly holdings: TenantHoldings,
    private readonly events: EventBus,
    private readonly transactions: Transactions,
  ) {}

  /** @throws InvalidInputError, TenantNameTakenError */
  async create(input: NewTenant): Promise<Tenant> {
    requireCrossTenant();
    const given = parseInput('tenant', newTenant, input);
    return this.transactions.run(async () => {
      const tenant = await this.tenants.insert({ id: newId('tenant'), ...given });
      const payload = { tenantId: tenant.id, name: tenant.name };
      await this.events.publish({ type: 'tenant.created', tenantId: tenant.id, payload });
      return tenant;
    });
  }

  /** @throws UnknownTenantError */
  async get(id: TenantId): Promise<Tenant> {
    requireTenantAccess(id);
    return existing(await this.tenants.find(id), id);
  }

  /** @throws UnknownTenantError */
  async getByName(name: string): Promise<Tenant> {
    requireCrossTenant();
    return existing(await this.tenants.findByName(name), `"${name}"`);
  }

  /** All tenants, oldest first. */
  async list(query: PageQuery = {}): Promise<Page<Tenant>> {
    requireCrossTenant();
    return this.tenants.listAcrossTenants(query);
  }

  /**
   * Removes the tenant with its workloads, instances, datacenters, domains and certificates; the tenant's row goes last, so that
   * repeating the call after a failure or a crash goes on where it stopped. One that is gone is success.
   * @throws InstancesLeftError, InstancesElsewhereError with the row kept.
   */
  async delete(id: TenantId, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    requireCrossTenant();
    do {
      const workloads = await this.workloads.list(id);
      for (const workload of workloads.items) await this.workloads.delete(id, workload.id, { signal });
      const instances = await this.instances.list(id);
      const left = await this.instances.deleteEach(id, instances.items, { reason: 'tenant_deleted', signal });
      if (left > 0) throw new InstancesElsewhereError(left);
      await this.holdings.removeAll(id);
    } while (!(await this.removeIfEmpty(id)));
  }

  private async removeIfEmpty(id: TenantId): Promise<boolean> {
    return this.transactions.run(async () => {
      const tenant = await this.tenants.lock(id);
      const workloads = await this.workloads.list(id, { limit: 1 });
      const instances = await this.instances.list(id, { limit: 1 });
      if (workloads.items.length || instances.items.length) return false;
      await this.datacenters.deleteAll(id);
      // What came since: from here on its row is locked, and nothing more comes.
      await this.holdings.removeAll(id);
      if (tenant && (await this.tenants.delete(id))) {
        const payload = { tenantId: id, name: tenant.name };
        await this.events.publish({ type: 'tenant.deleted', tenantId: id, payload });
      }
      return true;
    });
  }
}

function existing(tenant: Tenant | undefined, asked: string): Tenant {
  if (!tenant) throw new UnknownTenantError(asked);
  return tenant;
}
