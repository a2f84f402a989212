import { type DomainId, type TenantId } from '../ids/typed-id.js';

/** A host name that a tenant wants to be reached by. */
export interface Domain {
  id: DomainId;
  tenantId: TenantId;
  /** Normalized: lower case, punycode. */
  hostname: string;
  /** What proves, in the DNS, that the name is this tenant's. */
  token: string;
  /** When it was proven. Of several tenants that claim a name one can prove it. */
  verifiedAt?: Date;
  /** When the certificate that is served for it ends. */
  certExpiry?: Date;
  /** Since when it does not lead here. */
  unreachableSince?: Date;
  /** Since when it is given up: it is no longer renewed. */
  lostAt?: Date;
  createdAt: Date;
  updatedAt: Date;
}
