import { Injectable } from '@nestjs/common';
import { Transactions } from '../../database/transaction.js';
import { type TenantId, type WorkloadId } from '../../ids/typed-id.js';
import {
  type DeletableOrphan,
  OrphanRepository,
  type SweepLimits,
  type SweepPosition,
  type SweptPage,
} from './orphan.repository.js';
import {
  CLAIM,
  DELETE_WORKLOADS,
  EMPTY_DELETED_TENANTS,
  FORGET_DELETIONS,
  HOLD_EMPTY_DELETED_TENANT,
  IS_ORPHAN,
  LOCK_INSTANCE,
  MARK_WORKLOADS,
  RECORD_LOST_TENANT,
  STORE_POSITIONS,
  SWEEP,
  TENANTS_WITH_INSTANCES,
} from './orphan.statements.js';

/** On the tables of the control plane; its own, `gc_positions`, needs no entity, as only these statements touch it. */
@Injectable()
export class TypeOrmOrphanRepository extends OrphanRepository {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async *tenantsAcrossTenants(pageSize: number): AsyncIterable<TenantId[]> {
    let last = '';
    for (;;) {
      const rows = await this.transactions.query<{ tenant_id: TenantId }>(TENANTS_WITH_INSTANCES, [
        last,
        pageSize,
      ]);
      if (rows.length === 0) return;
      const page = rows.map((row) => row.tenant_id);
      yield page;
      last = page.at(-1)!;
    }
  }

  async sweepAcrossTenants(
    tenantIds: readonly TenantId[],
    { maxInstances, olderThan }: SweepLimits,
  ): Promise<SweptPage> {
    type Row = Omit<SweptPage, 'positions'> & {
      positions: (Omit<SweepPosition, 'createdAt'> & { createdAt: string })[];
    };
    const [row] = await this.transactions.query<Row>(SWEEP, [tenantIds, maxInstances, olderThan]);
    const positions = row!.positions.map((position) => ({
      ...position,
      createdAt: new Date(position.createdAt),
    }));
    return { ...row!, positions };
  }

  async storePositions(tenantIds: readonly TenantId[], positions: readonly SweepPosition[]): Promise<void> {
    await this.transactions.query(STORE_POSITIONS, [tenantIds, JSON.stringify(positions)]);
  }

  async isOrphan({ instanceId, workloadId }: DeletableOrphan): Promise<boolean> {
    const [row] = await this.transactions.query<{ orphan: boolean }>(IS_ORPHAN, [instanceId, workloadId]);
    return row!.orphan;
  }

  async claim({ instanceId, workloadId }: DeletableOrphan): Promise<boolean> {
    return this.transactions.run(async () => {
      await this.transactions.query(LOCK_INSTANCE, [instanceId]);
      const [, marked] = (await this.transactions.query(CLAIM, [instanceId, workloadId])) as [
        unknown[],
        number,
      ];
      return marked === 1;
    });
  }

  async deleteWorkloadsOfLostTenant(tenantId: TenantId): Promise<WorkloadId[]> {
    return this.transactions.run(async () => {
      await this.transactions.query(RECORD_LOST_TENANT, [tenantId]);
      await this.transactions.query(MARK_WORKLOADS, [tenantId]);
      const [rows] = (await this.transactions.query(DELETE_WORKLOADS, [tenantId])) as [
        { id: WorkloadId }[],
        number,
      ];
      return rows.map(({ id }) => id);
    });
  }

  async emptyDeletedTenantsAcrossTenants(olderThan: number): Promise<TenantId[]> {
    return (await this.transactions.query<{ id: TenantId }>(EMPTY_DELETED_TENANTS, [olderThan])).map(
      ({ id }) => id,
    );
  }

  async holdEmptyDeletedTenant(tenantId: TenantId): Promise<boolean> {
    return (await this.transactions.query(HOLD_EMPTY_DELETED_TENANT, [tenantId])).length === 1;
  }

  async forgetDeletionsAcrossTenants(olderThan: number): Promise<void> {
    await this.transactions.query(FORGET_DELETIONS, [olderThan]);
  }
}
