import { type Clock, SystemClock } from '../../core/timing/clock.js';
import { type Page, pageLimit, pageOf, pageStart, type PageQuery } from '../database/page.js';
import { omit } from '../input/omit.js';
import { type DomainId, parseId, type TenantId } from '../ids/typed-id.js';
import { type Domain } from './domain.js';
import { DomainStore } from './domain.store.js';
import { DomainTakenError } from './network.errors.js';

/** For tests and simulations: takes a clock, and is lost when the process ends. */
export class InMemoryDomainStore extends DomainStore {
  private readonly domains = new Map<DomainId, Domain>();

  constructor(private readonly clock: Clock = new SystemClock()) {
    super();
  }

  async insert(
    tenantId: TenantId,
    { id, hostname, token }: Pick<Domain, 'id' | 'hostname' | 'token'>,
  ): Promise<Domain> {
    const owner = parseId('tenant', tenantId);
    if (this.first((domain) => domain.tenantId === owner && domain.hostname === hostname))
      throw new DomainTakenError(hostname);
    const now = this.now();
    const domain = {
      id: parseId('domain', id),
      tenantId: owner,
      hostname,
      token,
      createdAt: now,
      updatedAt: now,
    };
    this.domains.set(id, domain);
    return { ...domain };
  }

  async find(tenantId: TenantId, id: DomainId): Promise<Domain | undefined> {
    const owner = parseId('tenant', tenantId);
    const domain = this.domains.get(parseId('domain', id));
    return domain?.tenantId === owner ? { ...domain } : undefined;
  }

  async findByHostname(tenantId: TenantId, hostname: string): Promise<Domain | undefined> {
    const owner = parseId('tenant', tenantId);
    return this.first((domain) => domain.tenantId === owner && domain.hostname === hostname);
  }

  async findVerifiedAcrossTenants(hostname: string): Promise<Domain | undefined> {
    return this.first((domain) => domain.hostname === hostname && domain.verifiedAt !== undefined);
  }

  async list(tenantId: TenantId, query: PageQuery = {}): Promise<Page<Domain>> {
    const owner = parseId('tenant', tenantId);
    const limit = pageLimit(query.limit);
    const start = pageStart(query);
    const order = (a: Pick<Domain, 'createdAt'> & { id: string }, b: typeof a): number =>
      a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
    const own = [...this.domains.values()].filter(
      (domain) => domain.tenantId === owner && (!start || order(domain, start) > 0),
    );
    return pageOf(own.sort(order).slice(0, limit + 1), limit);
  }

  async markVerified(tenantId: TenantId, id: DomainId): Promise<Domain | undefined> {
    const domain = await this.find(tenantId, id);
    if (!domain) return undefined;
    const { hostname } = domain;
    if (this.first((other) => other.id !== id && other.hostname === hostname && other.verifiedAt))
      throw new DomainTakenError(hostname);
    const found = omit(domain, 'unreachableSince', 'lostAt');
    return this.set({ ...found, verifiedAt: domain.verifiedAt ?? this.now() });
  }

  async setCertExpiry(tenantId: TenantId, id: DomainId, certExpiry: Date): Promise<void> {
    const domain = await this.find(tenantId, id);
    if (domain) this.set({ ...domain, certExpiry });
  }

  async noteUnreachable(tenantId: TenantId, id: DomainId): Promise<Domain | undefined> {
    const domain = await this.find(tenantId, id);
    return domain && this.set({ ...domain, unreachableSince: domain.unreachableSince ?? this.now() });
  }

  async markLost(tenantId: TenantId, id: DomainId): Promise<boolean> {
    const domain = await this.find(tenantId, id);
    if (!domain || domain.lostAt) return false;
    this.set({ ...domain, lostAt: this.now() });
    return true;
  }

  async markReachable(tenantId: TenantId, id: DomainId): Promise<boolean> {
    const domain = await this.find(tenantId, id);
    if (!domain) return false;
    this.set(omit(domain, 'unreachableSince', 'lostAt'));
    return domain.lostAt !== undefined;
  }

  lock(tenantId: TenantId, id: DomainId): Promise<Domain | undefined> {
    return this.find(tenantId, id);
  }

  async delete(tenantId: TenantId, id: DomainId): Promise<boolean> {
    return (await this.find(tenantId, id)) !== undefined && this.domains.delete(id);
  }

  private first(matches: (domain: Domain) => unknown): Domain | undefined {
    for (const domain of this.domains.values()) if (matches(domain)) return { ...domain };
    return undefined;
  }

  private set(domain: Domain): Domain {
    const changed = { ...domain, updatedAt: this.now() };
    this.domains.set(domain.id, changed);
    return { ...changed };
  }

  private now(): Date {
    return new Date(this.clock.now());
  }
}
