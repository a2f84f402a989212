import { Injectable } from '@nestjs/common';
import { type BootstrapServiceSpec } from '../bootstrap/bootstrap-spec.js';
import { everyItem, findPage, mapPage, type Page, type PageQuery } from '../database/page.js';
import { TenantRows } from '../database/tenant-rows.js';
import { Transactions } from '../database/transaction.js';
import { type DatacenterId, type TenantId } from '../ids/typed-id.js';
import { DATACENTER_NAME_KEY, DatacenterEntity } from './datacenter.entity.js';
import { DatacenterNameTakenError } from './datacenter.errors.js';
import { type Datacenter, type DatacenterStatus } from './datacenter.js';
import { DatacenterRepository } from './datacenter.repository.js';

/** Datacenters on Postgres. */
@Injectable()
export class TypeOrmDatacenterRepository extends DatacenterRepository {
  private readonly rows: TenantRows<'datacenter', DatacenterEntity, Datacenter>;

  constructor(transactions: Transactions) {
    super();
    this.rows = new TenantRows(transactions, {
      entity: DatacenterEntity,
      kind: 'datacenter',
      toItem: toDatacenter,
    });
  }

  async insert(
    tenantId: TenantId,
    { id, name, status, bootstrap = [] }: Parameters<DatacenterRepository['insert']>[1],
  ): Promise<Datacenter> {
    const row = { ...this.rows.key(tenantId, id), name, status, bootstrap };
    return this.rows.insert(row, {
      [DATACENTER_NAME_KEY]: () => new DatacenterNameTakenError(tenantId, name),
    });
  }

  async find(tenantId: TenantId, id: DatacenterId): Promise<Datacenter | undefined> {
    return this.rows.find(tenantId, id);
  }

  async findByName(tenantId: TenantId, name: string): Promise<Datacenter | undefined> {
    return this.rows.findBy({ ...this.rows.of(tenantId), name });
  }

  async list(tenantId: TenantId, query?: PageQuery): Promise<Page<Datacenter>> {
    return this.rows.list(tenantId, query);
  }

  async setStatus(
    tenantId: TenantId,
    id: DatacenterId,
    status: DatacenterStatus,
  ): Promise<Datacenter | undefined> {
    return this.rows.change(this.rows.key(tenantId, id), { status });
  }

  async setBootstrap(
    tenantId: TenantId,
    id: DatacenterId,
    bootstrap: BootstrapServiceSpec[],
  ): Promise<Datacenter | undefined> {
    return this.rows.change(this.rows.key(tenantId, id), { bootstrap });
  }

  everyAcrossTenants(): AsyncIterable<Datacenter> {
    const page = async (after?: string) =>
      mapPage(
        await findPage(this.rows.table.createQueryBuilder('datacenter'), { limit: 1_000, after }),
        toDatacenter,
      );
    return everyItem(page);
  }

  async deleteAll(tenantId: TenantId): Promise<void> {
    await this.rows.table.delete(this.rows.of(tenantId));
  }
}

function toDatacenter({ id, tenantId, name, status, bootstrap, createdAt }: DatacenterEntity): Datacenter {
  return { id, tenantId, name, status, bootstrap, createdAt };
}
