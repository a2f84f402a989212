import { Injectable } from '@nestjs/common';
import { type Page, type PageQuery } from '../database/page.js';
import { TenantRows } from '../database/tenant-rows.js';
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
  private readonly rows: TenantRows<'workload', WorkloadEntity, Workload>;

  constructor(transactions: Transactions) {
    super();
    this.rows = new TenantRows(transactions, {
      entity: WorkloadEntity,
      kind: 'workload',
      toItem: toWorkload,
    });
  }

  async insert(tenantId: TenantId, { id, datacenterId, ...workload }: NewWorkload): Promise<Workload> {
    const row = {
      ...workload,
      ...this.rows.key(tenantId, id),
      specHash: specHash(workload.spec),
      datacenterId: datacenterId === undefined ? null : parseId('datacenter', datacenterId),
    };
    return this.rows.insert(row, {
      [WORKLOAD_NAME_KEY]: () => new WorkloadNameTakenError(tenantId, workload.name),
    });
  }

  async find(tenantId: TenantId, id: WorkloadId): Promise<Workload | undefined> {
    return this.rows.find(tenantId, id);
  }

  async findByName(tenantId: TenantId, name: string): Promise<Workload | undefined> {
    return this.rows.findBy({ ...this.rows.of(tenantId), name });
  }

  async list(tenantId: TenantId, query?: PageQuery): Promise<Page<Workload>> {
    return this.rows.list(tenantId, query);
  }

  async lock(tenantId: TenantId, id: WorkloadId): Promise<Workload | undefined> {
    return this.rows.lock(tenantId, id);
  }

  async setReplicas(tenantId: TenantId, id: WorkloadId, replicas: number): Promise<Workload | undefined> {
    return this.change(tenantId, id, { replicas });
  }

  async change(tenantId: TenantId, id: WorkloadId, change: WorkloadChange): Promise<Workload | undefined> {
    const hash = change.spec && { specHash: specHash(change.spec) };
    return this.rows.change(this.rows.key(tenantId, id), {
      ...change,
      ...hash,
      updatedAt: () => 'clock_timestamp()',
    });
  }

  async delete(tenantId: TenantId, id: WorkloadId): Promise<boolean> {
    return this.rows.delete(tenantId, id);
  }
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
