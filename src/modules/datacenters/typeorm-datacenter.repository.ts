import { Injectable } from '@nestjs/common';
import { type Repository } from 'typeorm';
import { type BootstrapServiceSpec } from '../bootstrap/bootstrap-spec.js';
import { everyItem, findPage, mapPage, type Page, type PageQuery } from '../database/page.js';
import { breaksUnique, updated } from '../database/rows.js';
import { Transactions } from '../database/transaction.js';
import { type DatacenterId, parseId, type TenantId } from '../ids/typed-id.js';
import { DATACENTER_NAME_KEY, DatacenterEntity } from './datacenter.entity.js';
import { DatacenterNameTakenError } from './datacenter.errors.js';
import { type Datacenter, type DatacenterStatus } from './datacenter.js';
import { DatacenterRepository } from './datacenter.repository.js';

/** Datacenters on Postgres. */
@Injectable()
export class TypeOrmDatacenterRepository extends DatacenterRepository {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async insert(
    tenantId: TenantId,
    { id, name, status, bootstrap = [] }: Parameters<DatacenterRepository['insert']>[1],
  ): Promise<Datacenter> {
    const row = this.rows.create({ ...key(tenantId, id), name, status, bootstrap });
    try {
      await this.rows.insert(row);
    } catch (error) {
      if (!breaksUnique(error, DATACENTER_NAME_KEY)) throw error;
      throw new DatacenterNameTakenError(tenantId, name);
    }
    return toDatacenter(row);
  }

  async find(tenantId: TenantId, id: DatacenterId): Promise<Datacenter | undefined> {
    const row = await this.rows.findOneBy(key(tenantId, id));
    return row ? toDatacenter(row) : undefined;
  }

  async findByName(tenantId: TenantId, name: string): Promise<Datacenter | undefined> {
    const row = await this.rows.findOneBy({ tenantId: parseId('tenant', tenantId), name });
    return row ? toDatacenter(row) : undefined;
  }

  async list(tenantId: TenantId, query: PageQuery = {}): Promise<Page<Datacenter>> {
    const rows = this.rows.createQueryBuilder('datacenter').where({ tenantId: parseId('tenant', tenantId) });
    return mapPage(await findPage(rows, query), toDatacenter);
  }

  async setStatus(
    tenantId: TenantId,
    id: DatacenterId,
    status: DatacenterStatus,
  ): Promise<Datacenter | undefined> {
    const row = await updated(this.rows, key(tenantId, id), { status });
    return row ? toDatacenter(row) : undefined;
  }

  async setBootstrap(
    tenantId: TenantId,
    id: DatacenterId,
    bootstrap: BootstrapServiceSpec[],
  ): Promise<Datacenter | undefined> {
    const row = await updated(this.rows, key(tenantId, id), { bootstrap });
    return row ? toDatacenter(row) : undefined;
  }

  everyAcrossTenants(): AsyncIterable<Datacenter> {
    const page = async (after?: string) =>
      mapPage(
        await findPage(this.rows.createQueryBuilder('datacenter'), { limit: 1_000, after }),
        toDatacenter,
      );
    return everyItem(page);
  }

  async deleteAll(tenantId: TenantId): Promise<void> {
    await this.rows.delete({ tenantId: parseId('tenant', tenantId) });
  }

  private get rows(): Repository<DatacenterEntity> {
    return this.transactions.manager().getRepository(DatacenterEntity);
  }
}

function key(tenantId: TenantId, id: DatacenterId): { tenantId: TenantId; id: DatacenterId } {
  return { tenantId: parseId('tenant', tenantId), id: parseId('datacenter', id) };
}

function toDatacenter({ id, tenantId, name, status, bootstrap, createdAt }: DatacenterEntity): Datacenter {
  return { id, tenantId, name, status, bootstrap, createdAt };
}
