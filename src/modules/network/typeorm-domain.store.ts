import { Injectable } from '@nestjs/common';
import { IsNull, Not } from 'typeorm';
import { type Page, type PageQuery } from '../database/page.js';
import { breaksUnique } from '../database/rows.js';
import { TenantRows } from '../database/tenant-rows.js';
import { Transactions } from '../database/transaction.js';
import { type DomainId, type TenantId } from '../ids/typed-id.js';
import { DOMAIN_HOSTNAME_KEY, DomainEntity, VERIFIED_HOSTNAME_KEY } from './domain.entity.js';
import { type Domain } from './domain.js';
import { DomainStore } from './domain.store.js';
import { DomainTakenError } from './network.errors.js';

const NOW = () => 'clock_timestamp()';

/** Domains on Postgres. */
@Injectable()
export class TypeOrmDomainStore extends DomainStore {
  private readonly rows: TenantRows<'domain', DomainEntity, Domain>;

  constructor(transactions: Transactions) {
    super();
    this.rows = new TenantRows(transactions, { entity: DomainEntity, kind: 'domain', toItem: toDomain });
  }

  async insert(tenantId: TenantId, domain: Pick<Domain, 'id' | 'hostname' | 'token'>): Promise<Domain> {
    const { hostname, token } = domain;
    const row = { ...this.rows.key(tenantId, domain.id), hostname, token };
    return this.rows.insert(row, { [DOMAIN_HOSTNAME_KEY]: () => new DomainTakenError(hostname) });
  }

  async find(tenantId: TenantId, id: DomainId): Promise<Domain | undefined> {
    return this.rows.find(tenantId, id);
  }

  async findByHostname(tenantId: TenantId, hostname: string): Promise<Domain | undefined> {
    return this.rows.findBy({ ...this.rows.of(tenantId), hostname });
  }

  findVerifiedAcrossTenants(hostname: string): Promise<Domain | undefined> {
    return this.rows.findBy({ hostname, verifiedAt: Not(IsNull()) });
  }

  async list(tenantId: TenantId, query?: PageQuery): Promise<Page<Domain>> {
    return this.rows.list(tenantId, query);
  }

  async markVerified(tenantId: TenantId, id: DomainId): Promise<Domain | undefined> {
    // Asked before: after a refusal the transaction answers nothing more.
    const domain = await this.find(tenantId, id);
    if (!domain) return undefined;
    try {
      return await this.rows.change(this.rows.key(tenantId, id), {
        verifiedAt: () => 'coalesce(verified_at, clock_timestamp())',
        unreachableSince: null,
        lostAt: null,
        updatedAt: NOW,
      });
    } catch (error) {
      if (!breaksUnique(error, VERIFIED_HOSTNAME_KEY)) throw error;
      throw new DomainTakenError(domain.hostname);
    }
  }

  async setCertExpiry(tenantId: TenantId, id: DomainId, certExpiry: Date): Promise<void> {
    await this.rows.table.update(this.rows.key(tenantId, id), { certExpiry, updatedAt: NOW });
  }

  async noteUnreachable(tenantId: TenantId, id: DomainId): Promise<Domain | undefined> {
    const unreachableSince = () => 'coalesce(unreachable_since, clock_timestamp())';
    return this.rows.change(this.rows.key(tenantId, id), { unreachableSince, updatedAt: NOW });
  }

  async markLost(tenantId: TenantId, id: DomainId): Promise<boolean> {
    const where = { ...this.rows.key(tenantId, id), lostAt: IsNull() };
    return (await this.rows.change(where, { lostAt: NOW, updatedAt: NOW })) !== undefined;
  }

  async markReachable(tenantId: TenantId, id: DomainId): Promise<boolean> {
    const change = { unreachableSince: null, lostAt: null, updatedAt: NOW };
    const lost = await this.rows.change({ ...this.rows.key(tenantId, id), lostAt: Not(IsNull()) }, change);
    if (lost) return true;
    await this.rows.table.update({ ...this.rows.key(tenantId, id), unreachableSince: Not(IsNull()) }, change);
    return false;
  }

  async lock(tenantId: TenantId, id: DomainId): Promise<Domain | undefined> {
    return this.rows.lock(tenantId, id);
  }

  async delete(tenantId: TenantId, id: DomainId): Promise<boolean> {
    return this.rows.delete(tenantId, id);
  }
}

function toDomain({ verifiedAt, certExpiry, unreachableSince, lostAt, ...row }: DomainEntity): Domain {
  return {
    ...row,
    ...(verifiedAt && { verifiedAt }),
    ...(certExpiry && { certExpiry }),
    ...(unreachableSince && { unreachableSince }),
    ...(lostAt && { lostAt }),
  };
}
