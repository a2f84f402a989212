import { Injectable } from '@nestjs/common';
import { In, IsNull, type QueryDeepPartialEntity, type Repository } from 'typeorm';
import { findPage, mapPage, type Page } from '../database/page.js';
import { updated } from '../database/rows.js';
import { Transactions } from '../database/transaction.js';
import { type InstanceId, parseId, type TenantId } from '../ids/typed-id.js';
import { specHash } from '../providers/spec-hash.js';
import { InstanceEntity } from './instance.entity.js';
import {
  type Instance,
  INSTANCE_STATES,
  type InstanceChange,
  type InstanceSeen,
  type InstanceState,
  type NewInstance,
  type RestoredInstance,
} from './instance.js';
import { type InstanceQuery, InstanceRepository } from './instance.repository.js';

/** Instances on Postgres. */
@Injectable()
export class TypeOrmInstanceRepository extends InstanceRepository {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async insert(tenantId: TenantId, { id, providerStore, spec, ...rest }: NewInstance): Promise<Instance> {
    const row = this.rows.create({
      ...rest,
      ...key(tenantId, id),
      providerStore: providerStore ?? null,
      spec,
      specHash: specHash(spec),
    });
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
    { state, ref, ...seen }: InstanceSeen = {},
  ): Promise<Instance | undefined> {
    const states = state === undefined ? from : from.filter((each) => each === state);
    const where = {
      ...key(tenantId, id),
      ...seen,
      ...(ref !== undefined && { ref: ref ?? IsNull() }),
      state: In(states),
    };
    const row = await updated(this.rows, where, columnsOf(change));
    return row ? toInstance(row) : undefined;
  }

  async findAllAcrossTenants(ids: readonly InstanceId[]): Promise<Instance[]> {
    if (!ids.length) return [];
    const rows = await this.rows.findBy({ id: In(ids.map((id) => parseId('instance', id))) });
    return rows.map(toInstance);
  }

  lostAcrossTenants(ids: readonly InstanceId[]): Promise<InstanceId[]> {
    return this.among(ids, LOST);
  }

  deletedAcrossTenants(ids: readonly InstanceId[]): Promise<InstanceId[]> {
    return this.among(ids, DELETED);
  }

  async restore(tenantId: TenantId, instance: RestoredInstance): Promise<Instance | undefined> {
    const { id, name, provider, providerStore = null, desiredState, labels, spec } = instance;
    const { id: parsed, tenantId: tenant } = key(tenantId, id);
    const values = [
      parsed,
      tenant,
      name,
      provider,
      providerStore,
      desiredState,
      labels,
      spec,
      specHash(spec),
    ];
    const stored = await this.transactions.manager().query<unknown[]>(RESTORE, values);
    return stored.length ? this.find(tenantId, id) : undefined;
  }

  async delete(tenantId: TenantId, id: InstanceId): Promise<boolean> {
    const { affected } = await this.rows.delete(key(tenantId, id));
    return affected === 1;
  }

  async now(): Promise<Date> {
    const [row] = await this.transactions.manager().query<{ now: Date }[]>(`SELECT ${NOW} AS now`);
    return row!.now;
  }

  private async among(ids: readonly InstanceId[], select: string): Promise<InstanceId[]> {
    const parsed = ids.map((id) => parseId('instance', id));
    const rows = await this.transactions.manager().query<{ id: InstanceId }[]>(select, [parsed]);
    return rows.map(({ id }) => id);
  }

  private get rows(): Repository<InstanceEntity> {
    return this.transactions.manager().getRepository(InstanceEntity);
  }
}

const LOST = `
SELECT id FROM unnest($1::text[]) AS asked (id)
WHERE NOT EXISTS (SELECT FROM instances i WHERE i.id = asked.id)
  AND NOT EXISTS (SELECT FROM deletions d WHERE d.id = asked.id)`;

const DELETED = `
SELECT d.id FROM deletions d
WHERE d.id = ANY ($1) AND NOT EXISTS (SELECT FROM instances i WHERE i.id = d.id)`;

const RESTORE = `
INSERT INTO instances (id, tenant_id, name, provider, provider_store, desired_state, labels, spec, spec_hash)
SELECT $1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9
WHERE NOT EXISTS (SELECT FROM deletions d WHERE d.id = $1)
ON CONFLICT DO NOTHING RETURNING id`;

function key(tenantId: TenantId, id: InstanceId): { tenantId: TenantId; id: InstanceId } {
  return { tenantId: parseId('tenant', tenantId), id: parseId('instance', id) };
}

function columnsOf(change: InstanceChange): QueryDeepPartialEntity<InstanceEntity> {
  const { nextAttemptIn, requested, renewed, ...columns } = change;
  return {
    ...columns,
    ...(columns.spec && { specHash: specHash(columns.spec) }),
    ...(columns.state && {
      stateSince: () =>
        renewed ? NOW : `CASE WHEN state = '${columns.state}' THEN state_since ELSE ${NOW} END`,
    }),
    ...(nextAttemptIn !== undefined && {
      nextAttemptAt: nextAttemptIn === null ? null : () => inMilliseconds(nextAttemptIn),
    }),
    ...(requested !== undefined && {
      requestedAt: requested ? () => `coalesce(requested_at, ${NOW})` : null,
    }),
    updatedAt: () => NOW,
  };
}

const NOW = 'clock_timestamp()';

function inMilliseconds(ms: number): string {
  return `${NOW} + ${Math.round(ms)} * interval '1 ms'`;
}

function toInstance(row: InstanceEntity): Instance {
  return {
    ...row,
    workloadId: row.workloadId ?? undefined,
    providerStore: row.providerStore ?? undefined,
    specHash: row.specHash ?? specHash(row.spec),
    ref: row.ref ?? undefined,
    reason: row.reason ?? undefined,
    lastError: row.lastError ?? undefined,
    exitCode: row.exitCode ?? undefined,
    logTail: row.logTail ?? undefined,
    nextAttemptAt: row.nextAttemptAt ?? undefined,
    requestedAt: row.requestedAt ?? undefined,
    deletionReason: row.deletionReason ?? undefined,
  };
}
