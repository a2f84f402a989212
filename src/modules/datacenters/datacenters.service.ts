import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { requireTenantAccess } from '../auth/claims.js';
import { type BootstrapServiceSpec, parseBootstrapSpecs } from '../bootstrap/bootstrap-spec.js';
import { type Page, type PageQuery } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { EventBus } from '../events/event-bus.js';
import { type DatacenterId, newId, type TenantId } from '../ids/typed-id.js';
import { name, parseInput, shown } from '../input/input.js';
import { hashOf } from '../providers/spec-hash.js';
import { UnknownTenantError } from '../tenants/tenant.errors.js';
import { TenantRepository } from '../tenants/tenant.repository.js';
import { UnknownDatacenterError } from './datacenter.errors.js';
import { type Datacenter, DATACENTER_STATUSES, type DatacenterStatus } from './datacenter.js';
import { DatacenterRepository } from './datacenter.repository.js';

/** What it takes to make a datacenter. */
export interface NewDatacenter {
  name: string;
  /** Default `active`. */
  status?: DatacenterStatus;
  /** Bootstrap services that it gets. Default none but those that hooks contribute. */
  bootstrap?: BootstrapServiceSpec[];
}

const status = z.enum(DATACENTER_STATUSES, {
  error: ({ input }) => `${shown(input)} is no status: use one of ${DATACENTER_STATUSES.join(', ')}`,
});
const newDatacenter = z.strictObject({
  name,
  status: status.default('active'),
  bootstrap: z.unknown().optional(),
});

/** Datacenters of a tenant. Every method takes claims that cover the tenant. */
@Injectable()
export class DatacentersService {
  constructor(
    private readonly datacenters: DatacenterRepository,
    private readonly tenants: TenantRepository,
    private readonly events: EventBus,
    private readonly transactions: Transactions,
  ) {}

  /** @throws InvalidInputError, UnknownTenantError, DatacenterNameTakenError */
  async create(tenantId: TenantId, input: NewDatacenter): Promise<Datacenter> {
    requireTenantAccess(tenantId);
    const { bootstrap: asked, ...given } = parseInput('datacenter', newDatacenter, input);
    const bootstrap = parseBootstrapSpecs(asked ?? []);
    return this.transactions.run(async () => {
      if (!(await this.tenants.lock(tenantId))) throw new UnknownTenantError(tenantId);
      const datacenter = await this.datacenters.insert(tenantId, {
        id: newId('datacenter'),
        bootstrap,
        ...given,
      });
      await this.publish('datacenter.created', datacenter, { status: datacenter.status });
      return datacenter;
    });
  }

  /** @throws UnknownDatacenterError */
  async get(tenantId: TenantId, id: DatacenterId): Promise<Datacenter> {
    requireTenantAccess(tenantId);
    return existing(await this.datacenters.find(tenantId, id), tenantId, id);
  }

  /** @throws UnknownDatacenterError */
  async getByName(tenantId: TenantId, name: string): Promise<Datacenter> {
    requireTenantAccess(tenantId);
    return existing(await this.datacenters.findByName(tenantId, name), tenantId, `"${name}"`);
  }

  /** The tenant's, oldest first. */
  async list(tenantId: TenantId, query: PageQuery = {}): Promise<Page<Datacenter>> {
    requireTenantAccess(tenantId);
    return this.datacenters.list(tenantId, query);
  }

  /** @throws InvalidInputError, UnknownDatacenterError */
  async setStatus(tenantId: TenantId, id: DatacenterId, to: DatacenterStatus): Promise<Datacenter> {
    requireTenantAccess(tenantId);
    parseInput('status', status, to);
    return this.transactions.run(async () => {
      const before = existing(await this.datacenters.find(tenantId, id), tenantId, id);
      if (before.status === to) return before;
      const after = existing(await this.datacenters.setStatus(tenantId, id, to), tenantId, id);
      await this.publish('datacenter.status_changed', after, { from: before.status, to });
      return after;
    });
  }

  /**
   * Declares its bootstrap services, in the place of those that it declared before.
   * @throws InvalidInputError, UnknownDatacenterError
   */
  async setBootstrap(
    tenantId: TenantId,
    id: DatacenterId,
    bootstrap: BootstrapServiceSpec[],
  ): Promise<Datacenter> {
    requireTenantAccess(tenantId);
    const checked = parseBootstrapSpecs(bootstrap);
    return this.transactions.run(async () => {
      const before = existing(await this.datacenters.find(tenantId, id), tenantId, id);
      if (hashOf(before.bootstrap) === hashOf(checked)) return before;
      const after = existing(await this.datacenters.setBootstrap(tenantId, id, checked), tenantId, id);
      await this.publish('datacenter.bootstrap_changed', after, {
        services: checked.map(({ name }) => name),
      });
      return after;
    });
  }

  private async publish(type: string, { id, tenantId, name }: Datacenter, more: object): Promise<void> {
    await this.events.publish({ type, tenantId, payload: { datacenterId: id, name, ...more } });
  }
}

function existing(found: Datacenter | undefined, tenantId: TenantId, asked: string): Datacenter {
  if (!found) throw new UnknownDatacenterError(tenantId, asked);
  return found;
}
