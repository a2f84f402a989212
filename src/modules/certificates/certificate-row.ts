import { type CertificateId, type DomainId, type TenantId } from '../ids/typed-id.js';
import { type ActiveCertificate, type AriState, type Certificate, type RenewalState } from './certificate.js';
import { type Sealed } from './keys/key-ring.js';
import { type KeyType } from './x509/key-pair.js';

/** A row of `certificates`, as `pg` gives it. An instant may be `infinity`, which is a number then. */
export interface CertificateRow {
  id: CertificateId;
  tenant_id: TenantId;
  domain_id: DomainId;
  names: string[];
  key_type: KeyType;
  version: number | null;
  issuer: string | null;
  not_before: Date | null;
  not_after: Date | null;
  serial_number: string | null;
  ari_id: string | null;
  renewal: StoredRenewal;
  due_at: Date | number;
  created_at: Date;
}

/** A certificate with the version that is served. */
export interface ActiveRow {
  id: CertificateId;
  tenant_id: TenantId;
  names: string[];
  version: number;
  chain: string;
  sealed_key: Sealed;
  not_after: Date;
}

/** JSON has no dates. */
type Stored<T> = {
  [K in keyof T]: T[K] extends Date ? string : T[K] extends Date | undefined ? string | undefined : T[K];
};
type StoredRenewal = Omit<Stored<RenewalState>, 'ari'> & { ari?: Stored<AriState> };

export function toCertificate(row: CertificateRow): Certificate {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    domainId: row.domain_id,
    names: row.names,
    keyType: row.key_type,
    ...(row.version !== null && {
      issued: {
        version: row.version,
        issuer: row.issuer!,
        notBefore: row.not_before!,
        notAfter: row.not_after!,
        serialNumber: row.serial_number!,
        ...(row.ari_id !== null && { ariId: row.ari_id }),
      },
    }),
    renewal: toRenewal(row.renewal),
    ...(typeof row.due_at !== 'number' && { dueAt: row.due_at }),
    createdAt: row.created_at,
  };
}

export function toActive(row: ActiveRow): ActiveCertificate {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    names: row.names,
    version: row.version,
    chain: row.chain,
    sealedKey: row.sealed_key,
    notAfter: row.not_after,
  };
}

function toRenewal({ ari, ...stored }: StoredRenewal): RenewalState {
  const { renewAt, ariPollAt, failingSince, lastFailedAt, ...rest } = stored;
  const dates = { renewAt, ariPollAt, failingSince, lastFailedAt };
  return {
    ...rest,
    ...datesOf(dates),
    ...(ari && {
      ari: {
        start: new Date(ari.start),
        end: new Date(ari.end),
        renewAt: new Date(ari.renewAt),
        ...(ari.explanationUrl && { explanationUrl: ari.explanationUrl }),
      },
    }),
  };
}

function datesOf<K extends string>(texts: Record<K, string | undefined>): Partial<Record<K, Date>> {
  const given = Object.entries<string | undefined>(texts).filter(([, text]) => text !== undefined);
  return Object.fromEntries(given.map(([key, text]) => [key, new Date(text!)])) as Partial<Record<K, Date>>;
}
