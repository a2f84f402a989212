import { type CertificateId, type DomainId, type TenantId } from '../ids/typed-id.js';
import { type Sealed } from './keys/key-ring.js';
import { type KeyType } from './x509/key-pair.js';

/**
 * | stage      | what it means                                                                         |
 * | ---------- | ------------------------------------------------------------------------------------- |
 * | `pending`  | none has been issued yet                                                              |
 * | `valid`    | served; its renewal lies ahead                                                        |
 * | `expiring` | its renewal is due, and waits: for a limit of the CA, or for the domain to point here |
 * | `renewing` | an order is under way                                                                 |
 * | `backoff`  | the last attempt failed; the next is planned                                          |
 * | `critical` | less than 1/20 of its lifetime is left, or it has expired; attempts go on             |
 * | `lost`     | the domain no longer points here: not renewed                                         |
 */
export const CERTIFICATE_STAGES = [
  'pending',
  'valid',
  'expiring',
  'renewing',
  'backoff',
  'critical',
  'lost',
] as const;

export type CertificateStage = (typeof CERTIFICATE_STAGES)[number];

/** The issued certificate of the moment; its key and chain are in the store. */
export interface IssuedSummary {
  /** Counts what has been issued, from 1. */
  readonly version: number;
  /** Name of the issuer. */
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly serialNumber: string;
  readonly ariId?: string;
}

/** What the CA said of when to renew, and the moment that was chosen. */
export interface AriState {
  readonly start: Date;
  readonly end: Date;
  /** A random moment of the window, chosen once for it. */
  readonly renewAt: Date;
  readonly explanationUrl?: string;
}

/** Where a certificate is on the way to its next renewal. Only the renewer changes it. */
export interface RenewalState {
  readonly stage: CertificateStage;
  /** When its renewal is due, if one is issued. */
  readonly renewAt?: Date;
  readonly ari?: AriState;
  /** When the CA is asked again for its renewal window. */
  readonly ariPollAt?: Date;
  /** Failed attempts since the last success. */
  readonly failures: number;
  readonly failingSince?: Date;
  /** In the CA's own words. */
  readonly lastError?: string;
  readonly lastFailedAt?: Date;
  /** Position of the issuer that is tried next. */
  readonly issuerTurn: number;
  /** Stages that an event has told of since the last success: each tells once. */
  readonly told: readonly CertificateStage[];
}

/** A set of names that is to be served with a certificate, and the certificate that it has. */
export interface Certificate {
  readonly id: CertificateId;
  readonly tenantId: TenantId;
  readonly domainId: DomainId;
  /** Normalized and sorted. */
  readonly names: readonly string[];
  readonly keyType: KeyType;
  readonly issued?: IssuedSummary;
  readonly renewal: RenewalState;
  /** When the renewer looks at it next; absent when it does not. While an order is active, when that is given up. */
  readonly dueAt?: Date;
  readonly createdAt: Date;
}

export type NewCertificate = Pick<Certificate, 'id' | 'domainId' | 'names' | 'keyType'>;

/** What has been issued, as it is stored. */
export interface NewVersion {
  readonly issuer: string;
  /** PEM, the certificate first. */
  readonly chain: string;
  /** The private key, sealed for the purpose `certificatePurpose(id)`. */
  readonly sealedKey: Sealed;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly serialNumber: string;
  readonly ariId?: string;
}

/** What is served for a host name. The key is sealed. */
export interface ActiveCertificate {
  readonly id: CertificateId;
  readonly tenantId: TenantId;
  readonly names: readonly string[];
  readonly version: number;
  readonly chain: string;
  readonly sealedKey: Sealed;
  readonly notAfter: Date;
}

/** What the private key of a certificate is bound to. */
export function certificatePurpose(id: CertificateId): string {
  return `certificate/${id}`;
}

/** How a certificate begins. */
export const NEW_RENEWAL: RenewalState = { stage: 'pending', failures: 0, issuerTurn: 0, told: [] };
