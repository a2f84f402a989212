import { type Clock, SystemClock } from '../../core/timing/clock.js';
import { mapPage, type Page, pageLimit, pageOf, pageStart, type Position } from '../database/page.js';
import { omit } from '../input/omit.js';
import { type CertificateId, parseId, type TenantId } from '../ids/typed-id.js';
import {
  type ActiveCertificate,
  type Certificate,
  NEW_RENEWAL,
  type NewCertificate,
  type NewVersion,
} from './certificate.js';
import {
  type CertificateClaim,
  type CertificateQuery,
  CertificateStore,
  type SealedVersion,
  type Settled,
} from './certificate.store.js';
import { type Sealed, sealingKeyOf } from './keys/key-ring.js';
import { wildcardFor } from './names.js';

interface Kept {
  certificate: Certificate;
  ordering: boolean;
  /** Infinity: never. */
  due: number;
  versions: Map<number, NewVersion>;
}

/** For tests and simulations: takes a clock, and is lost when the process ends. */
export class InMemoryCertificateStore extends CertificateStore {
  private readonly kept = new Map<CertificateId, Kept>();

  constructor(private readonly clock: Clock = new SystemClock()) {
    super();
  }

  /** When something is due next, on its clock; Infinity when nothing is. */
  nextDue(): number {
    let next = Infinity;
    for (const { due } of this.kept.values()) next = Math.min(next, due);
    return next;
  }

  async insert(tenantId: TenantId, { id, domainId, names, keyType }: NewCertificate): Promise<Certificate> {
    const now = this.clock.now();
    const certificate: Certificate = {
      id: parseId('certificate', id),
      tenantId: parseId('tenant', tenantId),
      domainId: parseId('domain', domainId),
      names,
      keyType,
      renewal: NEW_RENEWAL,
      dueAt: new Date(now),
      createdAt: new Date(now),
    };
    this.kept.set(id, { certificate, ordering: false, due: now, versions: new Map() });
    return certificate;
  }

  async find(tenantId: TenantId, id: CertificateId): Promise<Certificate | undefined> {
    return this.own(tenantId, id)?.certificate;
  }

  async list(tenantId: TenantId, query: CertificateQuery = {}): Promise<Page<Certificate>> {
    const wanted = parseId('tenant', tenantId);
    return this.page((certificate) => certificate.tenantId === wanted, query);
  }

  async listAcrossTenants(query: CertificateQuery = {}): Promise<Page<Certificate>> {
    return this.page(() => true, query);
  }

  async delete(tenantId: TenantId, id: CertificateId): Promise<boolean> {
    return this.own(tenantId, id) !== undefined && this.kept.delete(id);
  }

  async wake(tenantId: TenantId, id: CertificateId): Promise<boolean> {
    const kept = this.own(tenantId, id);
    const now = this.clock.now();
    if (!kept || (kept.ordering && kept.due > now)) return false;
    this.move(kept, Math.min(kept.due, now));
    return true;
  }

  async active(hostname: string): Promise<ActiveCertificate | undefined> {
    const wildcard = wildcardFor(hostname);
    const found = [...this.kept.values()].filter(
      ({ certificate: { names, issued } }) =>
        issued && (names.includes(hostname) || names.includes(wildcard)),
    );
    const now = this.clock.now();
    const rank = ({ certificate: { names, issued } }: Kept): number[] => [
      issued!.notAfter.getTime() > now ? 0 : 1,
      names.includes(hostname) ? 0 : 1,
      -issued!.notAfter.getTime(),
    ];
    found.sort((a, b) => {
      const [x, y] = [rank(a), rank(b)];
      return (
        x[0]! - y[0]! || x[1]! - y[1]! || x[2]! - y[2]! || (a.certificate.id < b.certificate.id ? -1 : 1)
      );
    });
    return found[0] && versionOf(found[0], found[0].certificate.issued!.version);
  }

  async newest(tenantId: TenantId, id: CertificateId): Promise<ActiveCertificate | undefined> {
    const kept = this.own(tenantId, id);
    return kept?.certificate.issued && versionOf(kept, kept.certificate.issued.version);
  }

  async previous(tenantId: TenantId, id: CertificateId): Promise<ActiveCertificate | undefined> {
    const kept = this.own(tenantId, id);
    return kept?.certificate.issued && versionOf(kept, kept.certificate.issued.version - 1);
  }

  async dueAcrossTenants(limit: number): Promise<Certificate[]> {
    const now = this.clock.now();
    const due = [...this.kept.values()].filter((kept) => kept.due <= now).sort((a, b) => a.due - b.due);
    return due.slice(0, limit).map(({ certificate }) => certificate);
  }

  async claim({ id, dueAt }: Certificate, lease: number): Promise<CertificateClaim | undefined> {
    const kept = this.kept.get(id);
    if (!kept || kept.due !== dueAt?.getTime()) return undefined;
    this.move(kept, this.clock.now() + lease);
    return this.claimOf(kept);
  }

  async settle(
    claim: CertificateClaim,
    { renewal, dueIn, ordering = false }: Settled,
  ): Promise<CertificateClaim | undefined> {
    const kept = this.held(claim);
    if (!kept) return undefined;
    kept.certificate = { ...kept.certificate, renewal };
    kept.ordering = ordering;
    this.move(kept, this.clock.now() + Math.max(0, dueIn));
    return this.claimOf(kept);
  }

  async activate(
    claim: CertificateClaim,
    version: NewVersion,
    { renewal, dueIn }: Settled,
  ): Promise<Certificate | undefined> {
    const kept = this.held(claim);
    if (!kept) return undefined;
    const number = (kept.certificate.issued?.version ?? 0) + 1;
    const { issuer, notBefore, notAfter, serialNumber, ariId } = version;
    kept.versions.set(number, version);
    for (const old of kept.versions.keys()) if (old < number - 1) kept.versions.delete(old);
    const issued = { version: number, issuer, notBefore, notAfter, serialNumber, ...(ariId && { ariId }) };
    kept.certificate = { ...kept.certificate, issued, renewal };
    kept.ordering = false;
    this.move(kept, this.clock.now() + Math.max(0, dueIn));
    return kept.certificate;
  }

  async sealedVersions(
    after: Pick<SealedVersion, 'id' | 'version'> | undefined,
    limit: number,
  ): Promise<SealedVersion[]> {
    const all = [...this.kept.values()].flatMap(({ certificate: { id }, versions }) =>
      [...versions].map(([version, { sealedKey }]) => ({ id, version, sealedKey })),
    );
    all.sort((a, b) => (a.id === b.id ? a.version - b.version : a.id < b.id ? -1 : 1));
    return all
      .filter(({ id, version }) => !after || id > after.id || (id === after.id && version > after.version))
      .slice(0, limit);
  }

  async reseal({ id, version, sealedKey: was }: SealedVersion, sealedKey: Sealed): Promise<boolean> {
    const versions = this.kept.get(id)?.versions;
    const found = versions?.get(version);
    if (!found || found.sealedKey !== was) return false;
    versions!.set(version, { ...found, sealedKey });
    return true;
  }

  async encryptionKeyIds(): Promise<string[]> {
    const sealed = await this.sealedVersions(undefined, Infinity);
    return [...new Set(sealed.map(({ sealedKey }) => sealingKeyOf(sealedKey)))].sort();
  }

  private own(tenantId: TenantId, id: CertificateId): Kept | undefined {
    const wanted = parseId('tenant', tenantId);
    const kept = this.kept.get(parseId('certificate', id));
    return kept?.certificate.tenantId === wanted ? kept : undefined;
  }

  private claimOf({ certificate, due }: Kept): CertificateClaim {
    return { certificate, lease: new Date(due), now: new Date(this.clock.now()) };
  }

  private held({ certificate, lease }: CertificateClaim): Kept | undefined {
    const kept = this.kept.get(certificate.id);
    return kept?.due === lease.getTime() ? kept : undefined;
  }

  private move(kept: Kept, instant: number): void {
    // Waits have fractions, and dates do not.
    const due = Math.ceil(instant);
    kept.due = due;
    const certificate = omit(kept.certificate, 'dueAt');
    kept.certificate = due === Infinity ? certificate : { ...certificate, dueAt: new Date(due) };
  }

  private page(matches: (certificate: Certificate) => boolean, query: CertificateQuery): Page<Certificate> {
    const limit = pageLimit(query.limit);
    const start = pageStart(query);
    if (query.domainId) parseId('domain', query.domainId);
    const place = (certificate: Certificate): Position => ({
      createdAt:
        query.order === 'expiry' ? (certificate.issued?.notAfter ?? new Date(0)) : certificate.createdAt,
      id: certificate.id,
    });
    const order = (a: Position, b: Position): number =>
      a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
    const found = [...this.kept.values()]
      .map(({ certificate }) => certificate)
      .filter(
        (certificate) =>
          matches(certificate) &&
          (!query.domainId || certificate.domainId === query.domainId) &&
          (!query.stage || certificate.renewal.stage === query.stage) &&
          (!start || order(place(certificate), start) > 0),
      )
      .map((certificate) => ({ certificate, ...place(certificate) }))
      .sort(order);
    return mapPage(pageOf(found.slice(0, limit + 1), limit), ({ certificate }) => certificate);
  }
}

function versionOf({ certificate, versions }: Kept, version: number): ActiveCertificate | undefined {
  const found = versions.get(version);
  if (!found) return undefined;
  const { id, tenantId, names } = certificate;
  const { chain, sealedKey, notAfter } = found;
  return { id, tenantId, names, version, chain, sealedKey, notAfter };
}
