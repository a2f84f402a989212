import { Injectable } from '@nestjs/common';
import { type FindOptionsWhere, IsNull, Not, type Repository } from 'typeorm';
import { findPage, mapPage, type Page, type PageQuery } from '../database/page.js';
import { breaksUnique, updated } from '../database/rows.js';
import { Transactions } from '../database/transaction.js';
import { type DomainId, parseId, type TenantId } from '../ids/typed-id.js';
import { DOMAIN_HOSTNAME_KEY, DomainEntity, VERIFIED_HOSTNAME_KEY } from './domain.entity.js';
import { type Domain } from './domain.js';
import { DomainStore } from './domain.store.js';
import { DomainTakenError } from './network.errors.js';

const NOW = () => 'clock_timestamp()';

/** Domains on Postgres. */
@Injectable()
export class TypeOrmDomainStore extends DomainStore {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async insert(tenantId: TenantId, domain: Pick<Domain, 'id' | 'hostname' | 'token'>): Promise<Domain> {
    const { hostname, token } = domain;
    const row = this.rows.create({ ...key(tenantId, domain.id), hostname, token });
    try {
      await this.rows.insert(row);
    } catch (error) {
      throw breaksUnique(error, DOMAIN_HOSTNAME_KEY) ? new DomainTakenError(hostname) : error;
    }
    return toDomain(row);
  }

  async find(tenantId: TenantId, id: DomainId): Promise<Domain | undefined> {
    return this.findOne(key(tenantId, id));
  }

  async findByHostname(tenantId: TenantId, hostname: string): Promise<Domain | undefined> {
    return this.findOne({ tenantId: parseId('tenant', tenantId), hostname });
  }

  findVerifiedAcrossTenants(hostname: string): Promise<Domain | undefined> {
    return this.findOne({ hostname, verifiedAt: Not(IsNull()) });
  }

  async list(tenantId: TenantId, query: PageQuery = {}): Promise<Page<Domain>> {
    const rows = this.rows.createQueryBuilder('domain').where({ tenantId: parseId('tenant', tenantId) });
    return mapPage(await findPage(rows, query), toDomain);
  }

  async markVerified(tenantId: TenantId, id: DomainId): Promise<Domain | undefined> {
    // Asked before: after a refusal the transaction answers nothing more.
    const domain = await this.find(tenantId, id);
    if (!domain) return undefined;
    try {
      const row = await updated(this.rows, key(tenantId, id), {
        verifiedAt: () => 'coalesce(verified_at, clock_timestamp())',
        unreachableSince: null,
        lostAt: null,
        updatedAt: NOW,
      });
      return row && toDomain(row);
    } catch (error) {
      if (!breaksUnique(error, VERIFIED_HOSTNAME_KEY)) throw error;
      throw new DomainTakenError(domain.hostname);
    }
  }

  async setCertExpiry(tenantId: TenantId, id: DomainId, certExpiry: Date): Promise<void> {
    await this.rows.update(key(tenantId, id), { certExpiry, updatedAt: NOW });
  }

  async noteUnreachable(tenantId: TenantId, id: DomainId): Promise<Domain | undefined> {
    const unreachableSince = () => 'coalesce(unreachable_since, clock_timestamp())';
    const row = await updated(this.rows, key(tenantId, id), { unreachableSince, updatedAt: NOW });
    return row && toDomain(row);
  }

  async markLost(tenantId: TenantId, id: DomainId): Promise<boolean> {
    const where = { ...key(tenantId, id), lostAt: IsNull() };
    return (await updated(this.rows, where, { lostAt: NOW, updatedAt: NOW })) !== undefined;
  }

  async markReachable(tenantId: TenantId, id: DomainId): Promise<boolean> {
    const change = { unreachableSince: null, lostAt: null, updatedAt: NOW };
    const lost = await updated(this.rows, { ...key(tenantId, id), lostAt: Not(IsNull()) }, change);
    if (lost) return true;
    await this.rows.update({ ...key(tenantId, id), unreachableSince: Not(IsNull()) }, change);
    return false;
  }

  async lock(tenantId: TenantId, id: DomainId): Promise<Domain | undefined> {
    const row = await this.rows.findOne({ where: key(tenantId, id), lock: { mode: 'pessimistic_write' } });
    return row ? toDomain(row) : undefined;
  }

  async delete(tenantId: TenantId, id: DomainId): Promise<boolean> {
    const { affected } = await this.rows.delete(key(tenantId, id));
    return affected === 1;
  }

  private async findOne(where: FindOptionsWhere<DomainEntity>): Promise<Domain | undefined> {
    const row = await this.rows.findOneBy(where);
    return row ? toDomain(row) : undefined;
  }

  private get rows(): Repository<DomainEntity> {
    return this.transactions.manager().getRepository(DomainEntity);
  }
}

function key(tenantId: TenantId, id: DomainId): { tenantId: TenantId; id: DomainId } {
  return { tenantId: parseId('tenant', tenantId), id: parseId('domain', id) };
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
