import { Injectable } from '@nestjs/common';
import { type Page, pageLimit, type PageQuery } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { type InstanceId, parseId, type TenantId } from '../ids/typed-id.js';
import {
  type Brake,
  type BrakeCause,
  type BrakedInstance,
  type BrakeState,
  type Observation,
  type OrphanShare,
} from './brake.js';
import { type BrakeLimits, BrakeRepository, type RowlessInstance } from './brake.repository.js';
import {
  ADD_TO_SET,
  DECIDE,
  DELETE_BRAKE,
  DROP_FROM_SET,
  FIND_BRAKE,
  HAS_WORKLOADS,
  INSERT_BRAKE,
  LIST_BRAKED,
  LIST_BRAKES,
  LOCK_BRAKE,
  NOTE_ROWLESS,
  NOTED_TENANTS,
  SHARE,
  STORE_SET,
  UNKNOWN_TENANTS,
  VERDICTS,
} from './brake.statements.js';

interface BrakeRow {
  tenant_id: TenantId;
  state: BrakeState;
  cause: BrakeCause;
  set_digest: string;
  orphans: number;
  examined: number;
  engaged_at: Date;
  seen_since: Date;
  last_seen_at: Date;
  decided_by: string | null;
}

/** On `gc_brakes` and `gc_braked_instances`, which need no entity, as only these statements touch them. */
@Injectable()
export class TypeOrmBrakeRepository extends BrakeRepository {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async listAcrossTenants({ limit, after = '' }: PageQuery = {}): Promise<Page<Brake>> {
    const size = pageLimit(limit);
    const rows = await this.rows<BrakeRow>(LIST_BRAKES, [after, size + 1]);
    const items = rows.slice(0, size).map(toBrake);
    return { items, next: rows.length > size ? items.at(-1)?.tenantId : undefined };
  }

  async find(tenantId: TenantId): Promise<Brake | undefined> {
    const [row] = await this.rows<BrakeRow>(FIND_BRAKE, [parseId('tenant', tenantId)]);
    return row && toBrake(row);
  }

  async instances(tenantId: TenantId, { limit, after = '' }: PageQuery = {}): Promise<Page<BrakedInstance>> {
    const size = pageLimit(limit);
    const rows = await this.rows<{ instance_id: InstanceId; workload_id: string }>(LIST_BRAKED, [
      parseId('tenant', tenantId),
      after,
      size + 1,
    ]);
    const items = rows.slice(0, size).map((row) => ({
      instanceId: row.instance_id,
      workloadId: row.workload_id,
    }));
    return { items, next: rows.length > size ? items.at(-1)?.instanceId : undefined };
  }

  async hasWorkloadsAcrossTenants(): Promise<boolean> {
    const [row] = await this.rows<{ any: boolean }>(HAS_WORKLOADS, []);
    return row!.any;
  }

  async share(tenantId: TenantId, olderThan: number): Promise<OrphanShare> {
    const [row] = await this.rows<OrphanShare>(SHARE, [parseId('tenant', tenantId), olderThan]);
    return row!;
  }

  async engage(tenantId: TenantId, cause: BrakeCause, olderThan: number): Promise<Brake | undefined> {
    return this.transactions.run(async () => {
      const made = await this.rows(INSERT_BRAKE, [parseId('tenant', tenantId), cause]);
      if (made.length === 0) return undefined;
      await this.rows(ADD_TO_SET, [tenantId, olderThan]);
      return this.storeSet(tenantId, { olderThan, confirmAfter: 0 });
    });
  }

  async observe(tenantId: TenantId, limits: BrakeLimits): Promise<Observation> {
    return this.transactions.run(async () => {
      const [before] = await this.rows<BrakeRow>(LOCK_BRAKE, [parseId('tenant', tenantId)]);
      if (!before) return {};
      await this.rows(DROP_FROM_SET, [tenantId, limits.olderThan]);
      // Exactly what was shown is deleted: a confirmed set takes nothing in.
      if (before.state !== 'confirmed') await this.rows(ADD_TO_SET, [tenantId, limits.olderThan]);
      const brake = await this.storeSet(tenantId, limits);
      if (!brake) return before.state === 'confirmed' ? {} : { released: 'recovered' };
      const confirmed = before.state !== 'confirmed' && brake.state === 'confirmed';
      return { brake, ...(confirmed && { released: 'confirmed' }) };
    });
  }

  async decide(
    tenantId: TenantId,
    set: string,
    state: Exclude<BrakeState, 'engaged'>,
    by: string,
  ): Promise<Brake | undefined> {
    const [row] = await this.transactions.changed<BrakeRow>(DECIDE, [
      parseId('tenant', tenantId),
      set,
      state,
      by,
    ]);
    return row && toBrake(row);
  }

  async noteRowless(store: string, instances: readonly RowlessInstance[]): Promise<TenantId[]> {
    const before = await this.rows<{ id: TenantId }>(NOTED_TENANTS, [store]);
    await this.rows(NOTE_ROWLESS, [store, JSON.stringify(instances)]);
    return [...new Set([...before.map(({ id }) => id), ...instances.map(({ tenantId }) => tenantId)])];
  }

  async verdictsAcrossTenants(
    instances: readonly RowlessInstance[],
  ): Promise<Map<InstanceId, 'held' | 'confirmed'>> {
    const rows = await this.rows<{ id: InstanceId; verdict: 'held' | 'confirmed' }>(VERDICTS, [
      JSON.stringify(instances),
    ]);
    return new Map(rows.map(({ id, verdict }) => [id, verdict]));
  }

  async unknownTenantsAcrossTenants(tenantIds: readonly TenantId[]): Promise<TenantId[]> {
    const rows = await this.rows<{ id: TenantId }>(UNKNOWN_TENANTS, [tenantIds]);
    return rows.map(({ id }) => id);
  }

  async remove(tenantId: TenantId): Promise<boolean> {
    const removed = await this.transactions.affected(DELETE_BRAKE, [parseId('tenant', tenantId)]);
    return removed === 1;
  }

  /** What the set is now becomes what the brake says; undefined when it is empty, and then the brake is gone. */
  private async storeSet(tenantId: TenantId, { olderThan, confirmAfter }: BrakeLimits) {
    const [row] = await this.transactions.changed<BrakeRow>(STORE_SET, [tenantId, confirmAfter, olderThan]);
    if (row) return toBrake(row);
    await this.rows(DELETE_BRAKE, [tenantId]);
    return undefined;
  }

  private rows<T>(statement: string, values: unknown[]): Promise<T[]> {
    return this.transactions.query<T>(statement, values);
  }
}

function toBrake(row: BrakeRow): Brake {
  return {
    tenantId: row.tenant_id,
    state: row.state,
    cause: row.cause,
    set: row.set_digest,
    orphans: row.orphans,
    examined: row.examined,
    engagedAt: row.engaged_at,
    seenSince: row.seen_since,
    lastSeenAt: row.last_seen_at,
    ...(row.decided_by !== null && { decidedBy: row.decided_by }),
  };
}
