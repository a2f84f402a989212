import { type Page, type PageQuery } from '../database/page.js';
import { type DomainId, type TenantId } from '../ids/typed-id.js';
import { type Domain } from './domain.js';

/** Where domains are kept. Every method refuses a malformed id with `InvalidIdError` before it looks. */
export abstract class DomainStore {
  /** @throws DomainTakenError when the tenant has it already */
  abstract insert(tenantId: TenantId, domain: Pick<Domain, 'id' | 'hostname' | 'token'>): Promise<Domain>;

  abstract find(tenantId: TenantId, id: DomainId): Promise<Domain | undefined>;

  abstract findByHostname(tenantId: TenantId, hostname: string): Promise<Domain | undefined>;

  /** The domain whose tenant has proven that the host name is theirs. */
  abstract findVerifiedAcrossTenants(hostname: string): Promise<Domain | undefined>;

  /** The tenant's, oldest first. */
  abstract list(tenantId: TenantId, query?: PageQuery): Promise<Page<Domain>>;

  /**
   * Notes that it is proven, and no longer lost. One that was verified before stays verified since then.
   * @throws DomainTakenError when another tenant has proven it
   */
  abstract markVerified(tenantId: TenantId, id: DomainId): Promise<Domain | undefined>;

  abstract setCertExpiry(tenantId: TenantId, id: DomainId, expiry: Date): Promise<void>;

  /** Notes that it does not lead here; since when, is kept from the first time on. */
  abstract noteUnreachable(tenantId: TenantId, id: DomainId): Promise<Domain | undefined>;

  /** Gives it up. @returns whether this call did: of several, one tells of it */
  abstract markLost(tenantId: TenantId, id: DomainId): Promise<boolean>;

  /** Notes that it leads here. @returns whether it was lost until now */
  abstract markReachable(tenantId: TenantId, id: DomainId): Promise<boolean>;

  /** The domain, held until the current transaction ends. What is added to it is added under this lock. */
  abstract lock(tenantId: TenantId, id: DomainId): Promise<Domain | undefined>;

  /** @returns whether this call removed it */
  abstract delete(tenantId: TenantId, id: DomainId): Promise<boolean>;
}
