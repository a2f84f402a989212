import { Injectable } from '@nestjs/common';
import { type Repository } from 'typeorm';
import { findPage, mapPage, type Page, type PageQuery } from '../database/page.js';
import { breaksUnique } from '../database/rows.js';
import { Transactions } from '../database/transaction.js';
import { parseId, type TenantId } from '../ids/typed-id.js';
import { TENANT_NAME_KEY, TenantEntity } from './tenant.entity.js';
import { TenantNameTakenError } from './tenant.errors.js';
import { TenantRepository } from './tenant.repository.js';
import { type Tenant } from './tenant.js';

/** Tenants on Postgres. */
@Injectable()
export class TypeOrmTenantRepository extends TenantRepository {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async insert({ id, name }: Pick<Tenant, 'id' | 'name'>): Promise<Tenant> {
    const row = this.rows.create({ id: parseId('tenant', id), name });
    try {
      await this.rows.insert(row);
    } catch (error) {
      throw breaksUnique(error, TENANT_NAME_KEY) ? new TenantNameTakenError(name) : error;
    }
    return toTenant(row);
  }

  async find(id: TenantId): Promise<Tenant | undefined> {
    const row = await this.rows.findOneBy({ id: parseId('tenant', id) });
    return row ? toTenant(row) : undefined;
  }

  async findByName(name: string): Promise<Tenant | undefined> {
    const row = await this.rows.findOneBy({ name });
    return row ? toTenant(row) : undefined;
  }

  async listAcrossTenants(query: PageQuery = {}): Promise<Page<Tenant>> {
    return mapPage(await findPage(this.rows.createQueryBuilder('tenant'), query), toTenant);
  }

  async lock(id: TenantId): Promise<Tenant | undefined> {
    const row = await this.rows.findOne({
      where: { id: parseId('tenant', id) },
      lock: { mode: 'pessimistic_write' },
    });
    return row ? toTenant(row) : undefined;
  }

  async delete(id: TenantId): Promise<boolean> {
    const { affected } = await this.rows.delete({ id: parseId('tenant', id) });
    return affected === 1;
  }

  private get rows(): Repository<TenantEntity> {
    return this.transactions.manager().getRepository(TenantEntity);
  }
}

function toTenant({ id, name, createdAt }: TenantEntity): Tenant {
  return { id, name, createdAt };
}
