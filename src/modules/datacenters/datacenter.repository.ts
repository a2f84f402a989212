import { type BootstrapServiceSpec } from '../bootstrap/bootstrap-spec.js';
import { type Page, type PageQuery } from '../database/page.js';
import { type DatacenterId, type TenantId } from '../ids/typed-id.js';
import { type Datacenter, type DatacenterStatus } from './datacenter.js';

/** Where datacenters are kept. Every method refuses a malformed id with `InvalidIdError` before it looks. */
export abstract class DatacenterRepository {
  /** @throws DatacenterNameTakenError */
  abstract insert(
    tenantId: TenantId,
    datacenter: Pick<Datacenter, 'id' | 'name' | 'status'> & Partial<Pick<Datacenter, 'bootstrap'>>,
  ): Promise<Datacenter>;

  abstract find(tenantId: TenantId, id: DatacenterId): Promise<Datacenter | undefined>;

  abstract findByName(tenantId: TenantId, name: string): Promise<Datacenter | undefined>;

  /** The tenant's, oldest first. */
  abstract list(tenantId: TenantId, query?: PageQuery): Promise<Page<Datacenter>>;

  /** @returns how it is then, or undefined when there is none. */
  abstract setStatus(
    tenantId: TenantId,
    id: DatacenterId,
    status: DatacenterStatus,
  ): Promise<Datacenter | undefined>;

  /** @returns how it is then, or undefined when there is none. */
  abstract setBootstrap(
    tenantId: TenantId,
    id: DatacenterId,
    bootstrap: BootstrapServiceSpec[],
  ): Promise<Datacenter | undefined>;

  /** All of all tenants, page by page. */
  abstract everyAcrossTenants(): AsyncIterable<Datacenter>;

  /** Removes all of the tenant's. */
  abstract deleteAll(tenantId: TenantId): Promise<void>;
}
