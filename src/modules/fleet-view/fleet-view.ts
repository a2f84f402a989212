import { Injectable } from '@nestjs/common';
import { cutPage, mapPage, pageLimit, type Page } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { worstStatus } from '../health-checks/check-state.js';
import { type HealthStatus } from '../health-checks/health-check.js';
import {
  type InstanceId,
  parseId,
  parseOptionalId,
  type TenantId,
  type WorkloadId,
} from '../ids/typed-id.js';
import { type InstanceReason, type InstanceState } from '../instances/instance.js';
import { type DesiredState, type Endpoint } from '../providers/provider.js';
import { seenTenant } from '../auth/seen-tenant.js';

/** An instance with the names of what it belongs to. Its spec is left out: the environment in it may hold secrets. */
export interface FleetInstance {
  id: InstanceId;
  name: string;
  tenantId: TenantId;
  /** Names; absent where there is no such row any more. */
  tenant?: string;
  datacenter?: string;
  workload?: string;
  provider: string;
  state: InstanceState;
  reason?: InstanceReason;
  desiredState: DesiredState;
  /** The worst of its checks that are not turned off; absent without any. */
  health?: HealthStatus;
  /** It runs another spec than its workload has now: a rollout is under way, or paused. */
  outdated: boolean;
  /** `http 127.0.0.1:8080`, and so on. */
  addresses: string;
  /** How its provider names it: a pid, a container id. */
  ref?: string;
  /** Starts or removals that failed, in a row. */
  attempts: number;
  nextAttemptAt?: Date;
  lastError?: string;
  stateSince: Date;
}

export interface FleetQuery {
  tenantId?: TenantId | undefined;
  workloadId?: WorkloadId | undefined;
  state?: InstanceState | undefined;
  /** 1 to 1,000, default 100. */
  limit?: number | undefined;
  /** `next` of the page before. */
  after?: string | undefined;
}

export type DriftQuery = Pick<FleetQuery, 'tenantId' | 'limit' | 'after'>;

interface Row {
  id: InstanceId;
  name: string;
  tenant_id: TenantId;
  tenant: string | null;
  datacenter: string | null;
  workload: string | null;
  provider: string;
  state: InstanceState;
  reason: InstanceReason | null;
  desired_state: DesiredState;
  outdated: boolean;
  endpoints: Endpoint[];
  ref: string | null;
  attempts: number;
  next_attempt_at: Date | null;
  last_error: string | null;
  state_since: Date;
  health: (HealthStatus | null)[] | null;
}

const SELECT = `
  SELECT i.id, i.name, i.tenant_id, t.name AS tenant, d.name AS datacenter, w.name AS workload, i.provider, i.state,
    i.reason, i.desired_state, coalesce(i.spec_hash <> w.spec_hash, false) AS outdated, i.endpoints, i.ref, i.attempts,
    i.next_attempt_at, i.last_error, i.state_since, (
      SELECT array_agg(q.state ->> 'status')
      FROM health_checks c JOIN health_check_turns q ON q.check_id = c.id
      WHERE c.instance_id = i.id AND c.enabled
    ) AS health
  FROM instances i
  LEFT JOIN tenants t ON t.id = i.tenant_id
  LEFT JOIN workloads w ON w.id = i.workload_id AND w.tenant_id = i.tenant_id
  LEFT JOIN datacenters d ON d.id = w.datacenter_id AND d.tenant_id = i.tenant_id`;

/** By primary key: an id says when its row was made, so the oldest come first. */
const LIST = `${SELECT}
  WHERE ($1::text IS NULL OR i.tenant_id = $1) AND ($2::text IS NULL OR i.workload_id = $2)
    AND ($3::text IS NULL OR i.state = $3) AND ($4::text IS NULL OR i.id > $4)
  ORDER BY i.id LIMIT $5`;

const ONE = `${SELECT} WHERE i.id = $1 AND ($2::text IS NULL OR i.tenant_id = $2)`;

/** The condition is that of the index `instances_unsettled_idx`. */
const UNSETTLED = `${SELECT}
  WHERE (i.state <> i.desired_state OR i.reason IS NOT NULL OR i.requested_at IS NOT NULL OR i.restart_requested
      OR i.attempts > 0)
    AND ($1::text IS NULL OR i.tenant_id = $1) AND ($2::text IS NULL OR i.id > $2)
  ORDER BY i.id LIMIT $3`;

/** Every instance, whatever it belongs to, for who watches over the fleet. */
@Injectable()
export class FleetView {
  constructor(private readonly transactions: Transactions) {}

  /**
   * Oldest first. Claims of a tenant see that tenant's.
   * @throws InvalidIdError, InvalidInputError, UnauthorizedError, ForbiddenError
   */
  async list({ tenantId, workloadId, state, limit, after }: FleetQuery = {}): Promise<Page<FleetInstance>> {
    const tenant = seenTenant(tenantId);
    return this.page(limit, (most) => [
      LIST,
      [
        tenant,
        parseOptionalId('workload', workloadId) ?? null,
        state ?? null,
        parseOptionalId('instance', after) ?? null,
        most,
      ],
    ]);
  }

  /**
   * Those that differ from their spec, or for which a change waits. Oldest first.
   * @throws InvalidIdError, InvalidInputError, UnauthorizedError, ForbiddenError
   */
  async drifted({ tenantId, limit, after }: DriftQuery = {}): Promise<Page<FleetInstance>> {
    const tenant = seenTenant(tenantId);
    return this.page(limit, (most) => [
      UNSETTLED,
      [tenant, parseOptionalId('instance', after) ?? null, most],
    ]);
  }

  /**
   * An instance of another tenant is as unknown as one that never was.
   * @throws InvalidIdError, UnauthorizedError, ForbiddenError
   */
  async find(id: InstanceId): Promise<FleetInstance | undefined> {
    const tenant = seenTenant(undefined);
    const [row] = await this.transactions.manager().query<Row[]>(ONE, [parseId('instance', id), tenant]);
    return row && toFleetInstance(row);
  }

  private async page(
    limit: number | undefined,
    statement: (most: number) => [sql: string, values: unknown[]],
  ): Promise<Page<FleetInstance>> {
    const most = pageLimit(limit);
    const rows = await this.transactions.manager().query<Row[]>(...statement(most + 1));
    return mapPage(
      cutPage(rows, most, ({ id }) => id),
      toFleetInstance,
    );
  }
}

function toFleetInstance({ health, endpoints, ...row }: Row): FleetInstance {
  return {
    id: row.id,
    name: row.name,
    tenantId: row.tenant_id,
    ...(row.tenant !== null && { tenant: row.tenant }),
    ...(row.datacenter !== null && { datacenter: row.datacenter }),
    ...(row.workload !== null && { workload: row.workload }),
    provider: row.provider,
    state: row.state,
    ...(row.reason !== null && { reason: row.reason }),
    desiredState: row.desired_state,
    ...(health && { health: worstStatus(health.map((status) => status ?? 'starting')) }),
    outdated: row.outdated,
    addresses: endpoints.map(({ name, host, port }) => `${name} ${host}:${port}`).join(', '),
    ...(row.ref !== null && { ref: row.ref }),
    attempts: row.attempts,
    ...(row.next_attempt_at && { nextAttemptAt: row.next_attempt_at }),
    ...(row.last_error !== null && { lastError: row.last_error }),
    stateSince: row.state_since,
  };
}
