import { Injectable } from '@nestjs/common';
import { In, type Repository } from 'typeorm';
import { findPage, mapPage, type Page } from '../database/page.js';
import { updated } from '../database/rows.js';
import { Transactions } from '../database/transaction.js';
import { type InstanceId, parseId, type TenantId } from '../ids/typed-id.js';
import { InstanceEntity } from './instance.entity.js';
import {
  type Instance,
  INSTANCE_STATES,
  type InstanceChange,
  type InstanceState,
  type NewInstance,
} from './instance.js';
import { type InstanceQuery, InstanceRepository } from './instance.repository.js';

/** Instances on Postgres. */
@Injectable()
export class TypeOrmInstanceRepository extends InstanceRepository {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async insert(tenantId: TenantId, { id, name, provider, labels, spec }: NewInstance): Promise<Instance> {
    const row = this.rows.create({ ...key(tenantId, id), name, provider, labels, spec });
    await this.rows.insert(row);
    return toInstance(row);
  }

  async find(tenantId: TenantId, id: InstanceId): Promise<Instance | undefined> {
    const row = await this.rows.findOneBy(key(tenantId, id));
    return row ? toInstance(row) : undefined;
  }

  async list(tenantId: TenantId, { workloadId, ...page }: InstanceQuery = {}): Promise<Page<Instance>> {
    const rows = this.rows.createQueryBuilder('instance').where({ tenantId: parseId('tenant', tenantId) });
    if (workloadId !== undefined) rows.andWhere({ workloadId: parseId('workload', workloadId) });
    return mapPage(await findPage(rows, page), toInstance);
  }

  async change(
    tenantId: TenantId,
    id: InstanceId,
    change: InstanceChange,
    from: readonly InstanceState[] = INSTANCE_STATES,
  ): Promise<Instance | undefined> {
    const where = { ...key(tenantId, id), state: In(from) };
    const row = await updated(this.rows, where, { ...change, updatedAt: () => 'clock_timestamp()' });
    return row ? toInstance(row) : undefined;
  }

  async delete(tenantId: TenantId, id: InstanceId): Promise<boolean> {
    const { affected } = await this.rows.delete(key(tenantId, id));
    return affected === 1;
  }

  private get rows(): Repository<InstanceEntity> {
    return this.transactions.manager().getRepository(InstanceEntity);
  }
}

function key(tenantId: TenantId, id: InstanceId): { tenantId: TenantId; id: InstanceId } {
  return { tenantId: parseId('tenant', tenantId), id: parseId('instance', id) };
}

function toInstance({ workloadId, ref, lastError, ...row }: InstanceEntity): Instance {
  return {
    ...row,
    workloadId: workloadId ?? undefined,
    ref: ref ?? undefined,
    lastError: lastError ?? undefined,
  };
}
