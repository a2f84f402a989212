import { Injectable } from '@nestjs/common';
import { In, IsNull, type QueryDeepPartialEntity } from 'typeorm';
import { type Page } from '../database/page.js';
import { TenantRows } from '../database/tenant-rows.js';
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
  private readonly rows: TenantRows<'instance', InstanceEntity, Instance>;

  constructor(private readonly transactions: Transactions) {
    super();
    this.rows = new TenantRows(transactions, {
      entity: InstanceEntity,
      kind: 'instance',
      toItem: toInstance,
    });
  }

  async insert(tenantId: TenantId, { id, providerStore, spec, ...rest }: NewInstance): Promise<Instance> {
    return this.rows.insert({
      ...rest,
      ...this.rows.key(tenantId, id),
      providerStore: providerStore ?? null,
      spec,
      specHash: specHash(spec),
    });
  }

  async find(tenantId: TenantId, id: InstanceId): Promise<Instance | undefined> {
    return this.rows.find(tenantId, id);
  }

  async list(tenantId: TenantId, { workloadId, ...page }: InstanceQuery = {}): Promise<Page<Instance>> {
    const where = workloadId === undefined ? {} : { workloadId: parseId('workload', workloadId) };
    return this.rows.list(tenantId, page, where);
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
      ...this.rows.key(tenantId, id),
      ...seen,
      ...(ref !== undefined && { ref: ref ?? IsNull() }),
      state: In(states),
    };
    return this.rows.change(where, columnsOf(change));
  }

  async findAllAcrossTenants(ids: readonly InstanceId[]): Promise<Instance[]> {
    if (!ids.length) return [];
    const rows = await this.rows.table.findBy({ id: In(ids.map((id) => parseId('instance', id))) });
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
    const { id: parsed, tenantId: tenant } = this.rows.key(tenantId, id);
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
    const stored = await this.transactions.query<unknown>(RESTORE, values);
    return stored.length ? this.find(tenantId, id) : undefined;
  }

  async delete(tenantId: TenantId, id: InstanceId): Promise<boolean> {
    return this.rows.delete(tenantId, id);
  }

  async now(): Promise<Date> {
    const [row] = await this.transactions.query<{ now: Date }>(`SELECT ${NOW} AS now`);
    return row!.now;
  }

  private async among(ids: readonly InstanceId[], select: string): Promise<InstanceId[]> {
    const parsed = ids.map((id) => parseId('instance', id));
    const rows = await this.transactions.query<{ id: InstanceId }>(select, [parsed]);
    return rows.map(({ id }) => id);
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
