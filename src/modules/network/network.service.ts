import { Inject, Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { requireCrossTenant, requireTenantAccess } from '../auth/claims.js';
import { type Certificate } from '../certificates/certificate.js';
import { UnknownCertificateError } from '../certificates/certificate.errors.js';
import { type CertificateQuery, CertificateStore } from '../certificates/certificate.store.js';
import { parseNames } from '../certificates/names.js';
import { type KeyType } from '../certificates/x509/key-pair.js';
import { everyItem, type Page, type PageQuery } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { DnsLookup } from '../dns/dns-lookup.js';
import { EventBus } from '../events/event-bus.js';
import {
  type CertificateId,
  type DomainId,
  newId,
  parseId,
  type RouteId,
  type TenantId,
  type WorkloadId,
} from '../ids/typed-id.js';
import { InvalidInputError } from '../input/input.errors.js';
import { parseInput } from '../input/input.js';
import { UnknownTenantError } from '../tenants/tenant.errors.js';
import { TenantRepository } from '../tenants/tenant.repository.js';
import { isProven, proofRecords, type ProofRecords } from './domain-proof.js';
import { type Domain } from './domain.js';
import { DomainStore } from './domain.store.js';
import { DomainNotVerifiedError, UnknownDomainError, UnknownRouteError } from './network.errors.js';
import { certificateInput, domainInput, routeChangeInput, routeInput } from './network-input.js';
import { NETWORK_SETTINGS, type NetworkSettings } from './network.options.js';
import { type Route, type RouteProtocol } from './route.js';
import { type RouteChange, type RouteQuery, RouteStore } from './route.store.js';

export interface RouteRequest {
  /** Begins with a slash. */
  path: string;
  workloadId: WorkloadId;
  /** Of the workload's instances. */
  port: number;
  /** Default `http`. */
  protocol?: RouteProtocol;
  /** 0 to 1000. Default 100. */
  weight?: number;
  /** Default false. */
  stripPrefix?: boolean;
}

export interface CertificateRequest {
  /** The domain's host name, names below it, and wildcards of them. Default the host name alone. */
  names?: readonly string[];
  /** Default `ec-p256`. */
  keyType?: KeyType;
}

/** Domains of a tenant, where they lead, and their certificates. Every method takes claims that cover the tenant. */
@Injectable()
export class NetworkService {
  constructor(
    private readonly domains: DomainStore,
    private readonly routes: RouteStore,
    private readonly certificates: CertificateStore,
    private readonly tenants: TenantRepository,
    private readonly dns: DnsLookup,
    private readonly events: EventBus,
    private readonly transactions: Transactions,
    @Inject(NETWORK_SETTINGS) private readonly settings: NetworkSettings,
  ) {}

  /**
   * Notes that the tenant wants the domain. It counts once it is verified.
   * @throws InvalidInputError, UnknownTenantError, DomainTakenError
   */
  async addDomain(tenantId: TenantId, request: { hostname: string }): Promise<Domain> {
    requireTenantAccess(tenantId);
    const { hostname } = parseInput('domain', domainInput, request);
    return this.transactions.run(async () => {
      if (!(await this.tenants.lock(tenantId))) throw new UnknownTenantError(tenantId);
      const token = randomBytes(16).toString('hex');
      const domain = await this.domains.insert(tenantId, { id: newId('domain'), hostname, token });
      await this.publish('domain.added', domain);
      return domain;
    });
  }

  /** @throws UnknownDomainError */
  async getDomain(tenantId: TenantId, id: DomainId): Promise<Domain> {
    requireTenantAccess(tenantId);
    return existing(await this.domains.find(tenantId, id), tenantId, id);
  }

  /** The tenant's, oldest first. */
  async listDomains(tenantId: TenantId, query: PageQuery = {}): Promise<Page<Domain>> {
    requireTenantAccess(tenantId);
    return this.domains.list(tenantId, query);
  }

  /** What has to be in the DNS so that the domain can be verified. @throws UnknownDomainError */
  async proofOf(tenantId: TenantId, id: DomainId): Promise<ProofRecords> {
    return this.proof(await this.getDomain(tenantId, id));
  }

  /**
   * Looks whether the DNS says that the domain is the tenant's, and notes it. A domain that was lost is renewed again.
   * @throws UnknownDomainError, DomainNotVerifiedError, DnsUnavailableError, DomainTakenError
   */
  async verifyDomain(tenantId: TenantId, id: DomainId): Promise<Domain> {
    const domain = await this.getDomain(tenantId, id);
    const proof = this.proof(domain);
    if (!(await isProven(this.dns, proof))) {
      const { txt, cname } = proof;
      const or = cname ? ` or a CNAME record there that leads to ${cname.target}` : '';
      const advice = `Add a TXT record ${txt.name} with the value "${txt.value}"${or}, and try again`;
      throw new DomainNotVerifiedError(domain.hostname, advice);
    }
    return this.verified(domain);
  }

  /**
   * Takes the domain as the tenant's without asking the DNS: for names of the operator's own, such as `app.localhost`.
   * Takes system claims over all tenants.
   * @throws UnknownDomainError, DomainTakenError
   */
  async trustDomain(tenantId: TenantId, id: DomainId): Promise<Domain> {
    requireCrossTenant();
    return this.verified(await this.getDomain(tenantId, id));
  }

  /** Removes the domain with its routes and certificates. One that is gone is success. */
  async removeDomain(tenantId: TenantId, id: DomainId): Promise<void> {
    requireTenantAccess(tenantId);
    await this.transactions.run(async () => {
      const domain = await this.domains.lock(tenantId, id);
      if (!domain) return;
      await this.routes.deleteOfDomain(tenantId, id);
      for await (const certificate of this.certificatesOf(tenantId, id)) await this.deleteCert(certificate);
      await this.domains.delete(tenantId, id);
      await this.publish('domain.removed', domain);
    });
  }

  /** @throws InvalidInputError, InvalidIdError, UnknownDomainError, RouteTakenError */
  async addRoute(tenantId: TenantId, domainId: DomainId, request: RouteRequest): Promise<Route> {
    requireTenantAccess(tenantId);
    const { workloadId, ...given } = parseInput('route', routeInput, request);
    const route = { id: newId('route'), domainId, workloadId: parseId('workload', workloadId), ...given };
    return this.transactions.run(async () => {
      existing(await this.domains.lock(tenantId, domainId), tenantId, domainId);
      return this.routes.insert(tenantId, route);
    });
  }

  /** @throws InvalidInputError, UnknownRouteError */
  async updateRoute(tenantId: TenantId, id: RouteId, change: RouteChange): Promise<Route> {
    requireTenantAccess(tenantId);
    const route = await this.routes.update(tenantId, id, parseInput('route', routeChangeInput, change));
    if (!route) throw new UnknownRouteError(tenantId, id);
    return route;
  }

  /** One that is gone is success. */
  async removeRoute(tenantId: TenantId, id: RouteId): Promise<void> {
    requireTenantAccess(tenantId);
    await this.routes.delete(tenantId, id);
  }

  /** The tenant's, oldest first. */
  async listRoutes(tenantId: TenantId, query: RouteQuery = {}): Promise<Page<Route>> {
    requireTenantAccess(tenantId);
    return this.routes.list(tenantId, query);
  }

  /**
   * Has a certificate issued for names of a verified domain, and renewed from then on. For the same names there is one:
   * repeating the call gives it.
   * @throws InvalidInputError, UnknownDomainError, DomainNotVerifiedError
   */
  async provisionCert(
    tenantId: TenantId,
    domainId: DomainId,
    request: CertificateRequest = {},
  ): Promise<Certificate> {
    requireTenantAccess(tenantId);
    const given = parseInput('certificate', certificateInput, request);
    return this.transactions.run(async () => {
      const domain = existing(await this.domains.lock(tenantId, domainId), tenantId, domainId);
      const { hostname, verifiedAt } = domain;
      if (!verifiedAt) throw new DomainNotVerifiedError(hostname, 'Verify it first');
      const names = namesBelow(hostname, given.names ?? [hostname]);
      for await (const certificate of this.certificatesOf(tenantId, domainId))
        if (certificate.names.join() === names.join()) return certificate;
      const wanted = { id: newId('certificate'), domainId, names, keyType: given.keyType };
      const certificate = await this.certificates.insert(tenantId, wanted);
      const payload = { certificateId: certificate.id, domainId, names };
      await this.events.publish({ type: 'cert.requested', tenantId, payload });
      return certificate;
    });
  }

  /** The tenant's, oldest first. */
  async listCerts(tenantId: TenantId, query: CertificateQuery = {}): Promise<Page<Certificate>> {
    requireTenantAccess(tenantId);
    return this.certificates.list(tenantId, query);
  }

  /** Everybody's, oldest first. Takes system claims over all tenants. */
  async listCertsAcrossTenants(query: CertificateQuery = {}): Promise<Page<Certificate>> {
    requireCrossTenant();
    return this.certificates.listAcrossTenants(query);
  }

  /**
   * Has the renewer look at the certificate with its next tick, whatever it was waiting for.
   * @returns whether it will: not while an order is under way
   * @throws UnknownCertificateError
   */
  async retryCert(tenantId: TenantId, id: CertificateId): Promise<boolean> {
    requireTenantAccess(tenantId);
    if (!(await this.certificates.find(tenantId, id))) throw new UnknownCertificateError(tenantId, id);
    return this.certificates.wake(tenantId, id);
  }

  /** No longer serves nor renews it. One that is gone is success. */
  async removeCert(tenantId: TenantId, id: CertificateId): Promise<void> {
    requireTenantAccess(tenantId);
    await this.transactions.run(async () => {
      const certificate = await this.certificates.find(tenantId, id);
      if (certificate) await this.deleteCert(certificate);
    });
  }

  private async deleteCert({ id, tenantId, domainId, names }: Certificate): Promise<void> {
    if (!(await this.certificates.delete(tenantId, id))) return;
    const payload = { certificateId: id, domainId, names };
    await this.events.publish({ type: 'cert.removed', tenantId, payload });
  }

  private async verified(domain: Domain): Promise<Domain> {
    const { tenantId, id } = domain;
    return this.transactions.run(async () => {
      const verified = existing(await this.domains.markVerified(tenantId, id), tenantId, id);
      if (!domain.verifiedAt) await this.publish('domain.verified', verified);
      if (domain.lostAt) await this.publish('domain.found', verified);
      for await (const certificate of this.certificatesOf(tenantId, id))
        if (certificate.renewal.stage === 'lost') await this.certificates.wake(tenantId, certificate.id);
      return verified;
    });
  }

  private proof(domain: Domain): ProofRecords {
    return proofRecords(domain, this.settings.hostnames[0]);
  }

  private certificatesOf(tenantId: TenantId, domainId: DomainId): AsyncGenerator<Certificate> {
    return everyItem((after) => this.certificates.list(tenantId, { domainId, after }));
  }

  private async publish(type: string, { id, tenantId, hostname }: Domain): Promise<void> {
    await this.events.publish({ type, tenantId, payload: { domainId: id, hostname } });
  }
}

function existing(domain: Domain | undefined, tenantId: TenantId, asked: string): Domain {
  if (!domain) throw new UnknownDomainError(tenantId, asked);
  return domain;
}

/** @throws InvalidInputError for a name that the domain's owner has not proven */
function namesBelow(hostname: string, given: readonly string[]): string[] {
  const names = parseNames(given);
  const foreign = names.filter((name) => name !== hostname && !name.endsWith(`.${hostname}`));
  if (foreign.length)
    throw new InvalidInputError(
      'certificate',
      foreign.map((name) => `names: ${name} is not ${hostname} or below it`),
    );
  return names;
}
