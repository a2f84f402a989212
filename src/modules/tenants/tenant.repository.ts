import { type Page, type PageQuery } from '../database/page.js';
import { type TenantId } from '../ids/typed-id.js';
import { type Tenant } from './tenant.js';

/** Where tenants are kept. Every method refuses a malformed id with `InvalidIdError` before it looks. */
export abstract class TenantRepository {
  /** @throws TenantNameTakenError */
  abstract insert(tenant: Pick<Tenant, 'id' | 'name'>): Promise<Tenant>;

  abstract find(id: TenantId): Promise<Tenant | undefined>;

  abstract findByName(name: string): Promise<Tenant | undefined>;

  /** All of them, oldest first. */
  abstract listAcrossTenants(query?: PageQuery): Promise<Page<Tenant>>;

  /**
   * The tenant, held until the current transaction ends: another `lock` and `delete` of it wait for that.
   * What is added to a tenant is added under this lock, so that nothing is added to one that is going.
   */
  abstract lock(id: TenantId): Promise<Tenant | undefined>;

  /** @returns whether this call removed it. */
  abstract delete(id: TenantId): Promise<boolean>;
}
