import { Injectable } from '@nestjs/common';
import { type Repository } from 'typeorm';
import { findPage, mapPage, type Page, type PageQuery } from '../database/page.js';
import { breaksUnique, updated } from '../database/rows.js';
import { Transactions } from '../database/transaction.js';
import { parseId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { specHash } from '../providers/spec-hash.js';
import { WORKLOAD_NAME_KEY, WorkloadEntity } from './workload.entity.js';
import { WorkloadNameTakenError } from './workload.errors.js';
import { DEFAULT_ROLLOUT, type Workload } from './workload.js';
import { type NewWorkload, type WorkloadChange, WorkloadRepository } from './workload.repository.js';

/** Workloads on Postgres. */
@Injectable()
export class TypeOrmWorkloadRepository extends WorkloadRepository {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async insert(tenantId: TenantId, { id, datacenterId, ...workload }: NewWorkload): Promise<Workload> {
    const row = this.rows.create({
      ...workload,
      ...key(tenantId, id),
      specHash: specHash(workload.spec),
      datacenterId: datacenterId === undefined ? null : parseId('datacenter', datacenterId),
    });
    try {
      await this.rows.insert(row);
    } catch (error) {
      if (!breaksUnique(error, WORKLOAD_NAME_KEY)) throw error;
      throw new WorkloadNameTakenError(tenantId, workload.name);
    }
    return toWorkload(row);
  }

  async find(tenantId: TenantId, id: WorkloadId): Promise<Workload | undefined> {
    const row = await this.rows.findOneBy(key(tenantId, id));
    return row ? toWorkload(row) : undefined;
  }

  async findByName(tenantId: TenantId, name: string): Promise<Workload | undefined> {
    const row = await this.rows.findOneBy({ tenantId: parseId('tenant', tenantId), name });
    return row ? toWorkload(row) : undefined;
  }

  async list(tenantId: TenantId, query: PageQuery = {}): Promise<Page<Workload>> {
    const rows = this.rows.createQueryBuilder('workload').where({ tenantId: parseId('tenant', tenantId) });
    return mapPage(await findPage(rows, query), toWorkload);
  }

  async lock(tenantId: TenantId, id: WorkloadId): Promise<Workload | undefined> {
    const row = await this.rows.findOne({ where: key(tenantId, id), lock: { mode: 'pessimistic_write' } });
    return row ? toWorkload(row) : undefined;
  }

  async setReplicas(tenantId: TenantId, id: WorkloadId, replicas: number): Promise<Workload | undefined> {
    return this.change(tenantId, id, { replicas });
  }

  async change(tenantId: TenantId, id: WorkloadId, change: WorkloadChange): Promise<Workload | undefined> {
    const hash = change.spec && { specHash: specHash(change.spec) };
    const row = await updated(this.rows, key(tenantId, id), {
      ...change,
      ...hash,
      updatedAt: () => 'clock_timestamp()',
    });
    return row ? toWorkload(row) : undefined;
  }

  async delete(tenantId: TenantId, id: WorkloadId): Promise<boolean> {
    const { affected } = await this.rows.delete(key(tenantId, id));
    return affected === 1;
  }

  private get rows(): Repository<WorkloadEntity> {
    return this.transactions.manager().getRepository(WorkloadEntity);
  }
}

function key(tenantId: TenantId, id: WorkloadId): { tenantId: TenantId; id: WorkloadId } {
  return { tenantId: parseId('tenant', tenantId), id: parseId('workload', id) };
}

function toWorkload(row: WorkloadEntity): Workload {
  return {
    ...row,
    datacenterId: row.datacenterId ?? undefined,
    specHash: row.specHash ?? specHash(row.spec),
    rollout: { ...DEFAULT_ROLLOUT, ...row.rollout },
    deletionReason: row.deletionReason ?? undefined,
  };
}
