import { Injectable } from '@nestjs/common';
import { cutPage, mapPage, pageLimit, type Page } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { type DeploymentId, parseOptionalId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type DeploymentState } from '../workloads/deployment.js';
import { seenTenant } from '../auth/seen-tenant.js';

/** A deployment with what it belongs to, and how far it is. Of its specs only what differs: environments may hold secrets. */
export interface RolloutOverview {
  id: DeploymentId;
  tenantId: TenantId;
  workloadId: WorkloadId;
  /** Names; absent where there is no such row any more. */
  tenant?: string;
  datacenter?: string;
  workload?: string;
  /** `paused` is one that is rolling, whose workload is paused. */
  state: DeploymentState | 'paused';
  /** What it does now, in words. */
  step: string;
  /** `2 of 3`: how many of the new spec have been ready at a time, of those that are wanted. */
  ready?: string;
  /** Instances of its spec, and of any other; absent when another deployment has come after it. */
  newInstances?: number;
  oldInstances?: number;
  /** Parts of the spec that it changes: `command`, `env`. */
  changes: string[];
  /** Why it failed. */
  reason?: string;
  createdAt: Date;
  progressedAt: Date;
  endedAt?: Date;
}

export interface RolloutsQuery {
  tenantId?: TenantId | undefined;
  workloadId?: WorkloadId | undefined;
  state?: DeploymentState | undefined;
  /** 1 to 1,000, default 100. */
  limit?: number | undefined;
  /** `next` of the page before. */
  before?: string | undefined;
}

interface Row {
  id: DeploymentId;
  tenant_id: TenantId;
  workload_id: WorkloadId;
  tenant: string | null;
  datacenter: string | null;
  workload: string | null;
  replicas: number | null;
  paused: boolean | null;
  state: DeploymentState;
  reason: string | null;
  progress: number;
  progressed_at: Date;
  created_at: Date;
  ended_at: Date | null;
  changes: string[];
  fresh: number | null;
  old: number | null;
}

/** By primary key, backwards: an id says when its row was made. Instances are counted for the last one of each workload. */
const LIST = `
  SELECT d.id, d.tenant_id, d.workload_id, t.name AS tenant, c.name AS datacenter, w.name AS workload, w.replicas, w.paused,
    d.state, d.reason, d.progress, d.progressed_at, d.created_at, d.ended_at, n.fresh, n.old,
    ARRAY(
      SELECT coalesce(a.key, b.key) FROM jsonb_each(d.spec) a FULL JOIN jsonb_each(d.previous_spec) b ON a.key = b.key
      WHERE a.value IS DISTINCT FROM b.value ORDER BY 1
    ) AS changes
  FROM deployments d
  LEFT JOIN tenants t ON t.id = d.tenant_id
  LEFT JOIN workloads w ON w.id = d.workload_id AND w.tenant_id = d.tenant_id
  LEFT JOIN datacenters c ON c.id = w.datacenter_id AND c.tenant_id = d.tenant_id
  LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE i.spec_hash = d.spec_hash)::int AS fresh,
      count(*) FILTER (WHERE i.spec_hash IS DISTINCT FROM d.spec_hash)::int AS old
    FROM instances i WHERE i.workload_id = d.workload_id AND i.tenant_id = d.tenant_id AND i.state <> 'destroying'
  ) n ON d.state <> 'superseded' AND NOT EXISTS (
    SELECT FROM deployments later
    WHERE later.workload_id = d.workload_id AND (later.created_at, later.id) > (d.created_at, d.id)
  )
  WHERE ($1::text IS NULL OR d.tenant_id = $1) AND ($2::text IS NULL OR d.workload_id = $2)
    AND ($3::text IS NULL OR d.state = $3) AND ($4::text IS NULL OR d.id < $4)
  ORDER BY d.id DESC LIMIT $5`;

/** Every deployment, whatever it belongs to, for who watches over the fleet. */
@Injectable()
export class Rollouts {
  constructor(private readonly transactions: Transactions) {}

  /**
   * Newest first. Claims of a tenant see that tenant's.
   * @throws InvalidIdError, InvalidInputError, UnauthorizedError, ForbiddenError
   */
  async list({ tenantId, workloadId, state, limit, before }: RolloutsQuery = {}): Promise<
    Page<RolloutOverview>
  > {
    const tenant = seenTenant(tenantId);
    const most = pageLimit(limit);
    const rows = await this.transactions
      .manager()
      .query<Row[]>(LIST, [
        tenant,
        parseOptionalId('workload', workloadId) ?? null,
        state ?? null,
        parseOptionalId('deployment', before) ?? null,
        most + 1,
      ]);
    return mapPage(
      cutPage(rows, most, ({ id }) => id),
      toRollout,
    );
  }
}

function toRollout(row: Row): RolloutOverview {
  const paused = row.state === 'rolling' && row.paused === true;
  return {
    id: row.id,
    tenantId: row.tenant_id,
    workloadId: row.workload_id,
    ...(row.tenant !== null && { tenant: row.tenant }),
    ...(row.datacenter !== null && { datacenter: row.datacenter }),
    ...(row.workload !== null && { workload: row.workload }),
    state: paused ? 'paused' : row.state,
    step: stepOf(row),
    ...(row.replicas !== null &&
      row.state !== 'superseded' && { ready: `${row.progress} of ${row.replicas}` }),
    ...(row.fresh !== null && { newInstances: row.fresh }),
    ...(row.old !== null && { oldInstances: row.old }),
    changes: row.changes,
    ...(row.reason !== null && { reason: row.reason }),
    createdAt: row.created_at,
    progressedAt: row.progressed_at,
    ...(row.ended_at && { endedAt: row.ended_at }),
  };
}

function stepOf({ state, paused, progress, fresh, old }: Row): string {
  if (state === 'succeeded') return 'done';
  if (state === 'superseded') return 'another came after it';
  if (state === 'failed') return old ? 'stopped half-way' : 'stopped';
  if (paused) return 'waits to be resumed';
  if (!fresh) return 'starts the first new one';
  if (fresh > progress)
    return `waits until ${fresh - progress} new ${fresh - progress > 1 ? 'are' : 'is'} ready`;
  return old ? 'replaces the next' : 'waits for the last ones';
}
