import { type Page, type PageQuery } from '../database/page.js';
import { type CertificateId, type DomainId, type TenantId } from '../ids/typed-id.js';
import {
  type ActiveCertificate,
  type Certificate,
  type CertificateStage,
  type NewCertificate,
  type NewVersion,
  type RenewalState,
} from './certificate.js';
import { type Sealed } from './keys/key-ring.js';

/** A certificate that the caller holds until its lease ends. */
export interface CertificateClaim {
  readonly certificate: Certificate;
  /** Identifies the claim: any change by another replica ends it. */
  readonly lease: Date;
  /** The store's time when it was made. What is decided of it is decided by that: clocks of replicas differ. */
  readonly now: Date;
}

/** What a holder says of a certificate. */
export interface Settled {
  readonly renewal: RenewalState;
  /** Milliseconds until it is due again, by the store's time; Infinity: never. */
  readonly dueIn: number;
  /** Whether an order is active until then: it cannot be claimed meanwhile, not even on request. */
  readonly ordering?: boolean;
}

export interface CertificateQuery extends PageQuery {
  domainId?: DomainId | undefined;
  stage?: CertificateStage | undefined;
  /** `expiry`: what was never issued first, then what expires soonest. Default `created`: the oldest first. */
  order?: 'created' | 'expiry' | undefined;
}

/** A secret of a certificate, for the rotation of encryption keys. */
export interface SealedVersion {
  readonly id: CertificateId;
  readonly version: number;
  readonly sealedKey: Sealed;
}

/**
 * Where certificates are kept: what is wanted, what has been issued, and when to look at each again. Methods that take
 * a tenant refuse malformed ids with `InvalidIdError` before they look.
 */
export abstract class CertificateStore {
  /** Due at once. */
  abstract insert(tenantId: TenantId, certificate: NewCertificate): Promise<Certificate>;

  abstract find(tenantId: TenantId, id: CertificateId): Promise<Certificate | undefined>;

  /** The tenant's, in the order that is asked for. */
  abstract list(tenantId: TenantId, query?: CertificateQuery): Promise<Page<Certificate>>;

  /** Everybody's, in the order that is asked for. */
  abstract listAcrossTenants(query?: CertificateQuery): Promise<Page<Certificate>>;

  /** @returns whether this call removed it, with all that was issued. */
  abstract delete(tenantId: TenantId, id: CertificateId): Promise<boolean>;

  /** Makes it due now, unless an order is under way. @returns whether it was there and is due now */
  abstract wake(tenantId: TenantId, id: CertificateId): Promise<boolean>;

  /**
   * What is served for the host name: of those that cover it one that has not expired before one that has, then the one
   * with exactly that name before one with a wildcard, then the one that is valid longest.
   */
  abstract active(hostname: string): Promise<ActiveCertificate | undefined>;

  /** What was issued last for that certificate; undefined before, and when it is gone. */
  abstract newest(tenantId: TenantId, id: CertificateId): Promise<ActiveCertificate | undefined>;

  /** What was issued before the one that is served now, if it is kept. */
  abstract previous(tenantId: TenantId, id: CertificateId): Promise<ActiveCertificate | undefined>;

  /** What is due, the longest due first. Reads only: each is claimed when its turn comes. */
  abstract dueAcrossTenants(limit: number): Promise<Certificate[]>;

  /**
   * Claims a certificate that was listed as due.
   * @param lease milliseconds for which no other replica can claim it
   * @returns undefined when it was claimed or changed since
   */
  abstract claim(due: Certificate, lease: number): Promise<CertificateClaim | undefined>;

  /** @returns the claim as it goes on; undefined, and nothing changed, when it no longer was this holder's. */
  abstract settle(claim: CertificateClaim, settled: Settled): Promise<CertificateClaim | undefined>;

  /**
   * Puts a new version in the place of the one that is served, which is kept as the previous, and settles.
   * @returns undefined, and nothing changed, when the claim no longer was this holder's.
   */
  abstract activate(
    claim: CertificateClaim,
    version: NewVersion,
    settled: Settled,
  ): Promise<Certificate | undefined>;

  /** What is sealed, some at a time, in a fixed order after the given one. */
  abstract sealedVersions(
    after: Pick<SealedVersion, 'id' | 'version'> | undefined,
    limit: number,
  ): Promise<SealedVersion[]>;

  /** Seals a key anew. @returns false when the version is gone or was sealed anew meanwhile */
  abstract reseal(was: SealedVersion, sealedKey: Sealed): Promise<boolean>;

  /** Ids of the encryption keys that stored keys are sealed with. */
  abstract encryptionKeyIds(): Promise<string[]>;
}
