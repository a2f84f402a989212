import { Injectable } from '@nestjs/common';
import { pageLimit, type Page } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { type HealthStatus } from '../health-checks/health-check.js';
import { type LatencyHistogram, quantileOf } from '../health-checks/latency-histogram.js';
import { type HealthCheckId, type InstanceId, parseOptionalId, type TenantId } from '../ids/typed-id.js';
import { shown } from '../input/input.js';
import { InvalidInputError } from '../input/input.errors.js';
import { LATENCIES, UPTIME, UPTIME_PARTS } from './checks-overview.statements.js';
import { seenTenant } from '../auth/seen-tenant.js';

/** A check with what it belongs to, how it stands, and how it went. */
export interface CheckOverview {
  id: HealthCheckId;
  name: string;
  tenantId: TenantId;
  instanceId?: InstanceId;
  /** Names; absent where there is no such row. */
  tenant?: string;
  instance?: string;
  workload?: string;
  probe: string;
  /** `off`: it is not enabled. */
  status: HealthStatus | 'off';
  since?: Date;
  /** Percent of the results of the last 24 hours that passed, of those that could tell. */
  uptime?: number;
  /** The last 24 hours in 90 parts, oldest first: of each what passed, 0 to 1, or null where nothing could tell. */
  uptimeParts: (number | null)[];
  /** Milliseconds, of the last hour. */
  p50?: number;
  p95?: number;
}

export interface ChecksOverviewQuery {
  tenantId?: TenantId | undefined;
  /** 1 to 1,000, default 100. */
  limit?: number | undefined;
  /** `next` of the page before. */
  after?: string | undefined;
}

interface Row {
  id: HealthCheckId;
  name: string;
  tenant_id: TenantId;
  instance_id: InstanceId | null;
  tenant: string | null;
  instance: string | null;
  workload: string | null;
  probe: string;
  enabled: boolean;
  status: HealthStatus | null;
  since: number | null;
}

/** The condition is that of the index `health_check_turns_unwell_idx`. */
const UNWELL = `(q.enabled AND q.state ->> 'status' IN ('degraded', 'unhealthy', 'unknown'))`;

const list = (which: string): string => `
  SELECT c.id, c.name, c.tenant_id, c.instance_id, t.name AS tenant, i.name AS instance, w.name AS workload,
    c.probe ->> 'type' AS probe, c.enabled, q.state ->> 'status' AS status, (q.state ->> 'since')::float8 AS since
  FROM health_check_turns q
  JOIN health_checks c ON c.id = q.check_id
  LEFT JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN instances i ON i.id = c.instance_id AND i.tenant_id = c.tenant_id
  LEFT JOIN workloads w ON w.id = i.workload_id AND w.tenant_id = c.tenant_id
  WHERE ${which} AND ($1::text IS NULL OR c.tenant_id = $1) AND ($2::text IS NULL OR q.check_id > $2)
  ORDER BY q.check_id LIMIT $3`;

/** Those that are not well come first, each kind by primary key. */
const LISTS = { bad: list(UNWELL), rest: list(`${UNWELL} IS NOT TRUE`) };

const CURSOR = /^(bad|rest):([a-z]+_[0-9a-z]{26})?$/;

/** Every check, whatever it belongs to, for who watches over the fleet. */
@Injectable()
export class ChecksOverview {
  constructor(private readonly transactions: Transactions) {}

  /**
   * Those that are not well first, then the oldest. Claims of a tenant see that tenant's.
   * @throws InvalidIdError, InvalidInputError, UnauthorizedError, ForbiddenError
   */
  async list({ tenantId, limit, after = 'bad:' }: ChecksOverviewQuery = {}): Promise<Page<CheckOverview>> {
    const tenant = seenTenant(tenantId);
    const most = pageLimit(limit);
    const [, kind, id] = CURSOR.exec(after) ?? [];
    if (!kind) throw new InvalidInputError('page', [`after: ${shown(after)} is not the \`next\` of a page`]);
    const from = parseOptionalId('healthCheck', id) ?? null;
    const rows = await this.rows(kind as keyof typeof LISTS, tenant, from, most + 1);
    const bad = kind === 'bad' ? rows.length : 0;
    if (kind === 'bad' && rows.length <= most)
      rows.push(...(await this.rows('rest', tenant, null, most + 1 - rows.length)));
    const items = rows.slice(0, most);
    const last = items.at(-1);
    const next = rows.length > most && `${items.length <= bad ? 'bad' : 'rest'}:${last!.id}`;
    return { items: await this.withHistory(items), ...(next && { next }) };
  }

  private rows(
    kind: keyof typeof LISTS,
    tenant: TenantId | null,
    from: HealthCheckId | null,
    most: number,
  ): Promise<Row[]> {
    return this.transactions.manager().query<Row[]>(LISTS[kind], [tenant, from, most]);
  }

  private async withHistory(rows: readonly Row[]): Promise<CheckOverview[]> {
    const ids = rows.map(({ id }) => id);
    const parts = new Map<string, (number | null)[]>();
    const totals = new Map<string, { good: number; bad: number }>();
    for (const { check_id, part, good, bad } of await this.transactions
      .manager()
      .query<{ check_id: string; part: number; good: number; bad: number }[]>(UPTIME, [ids])) {
      const own = parts.get(check_id) ?? nothing();
      own[part] = good / (good + bad);
      parts.set(check_id, own);
      const total = totals.get(check_id) ?? { good: 0, bad: 0 };
      totals.set(check_id, { good: total.good + good, bad: total.bad + bad });
    }
    const latencies = new Map<string, LatencyHistogram>();
    for (const { check_id, bucket, count } of await this.transactions
      .manager()
      .query<{ check_id: string; bucket: number; count: number }[]>(LATENCIES, [ids])) {
      const own = latencies.get(check_id) ?? new Map<number, number>();
      latencies.set(check_id, own.set(bucket, count));
    }
    return rows.map((row) =>
      toOverview(row, parts.get(row.id) ?? nothing(), totals.get(row.id), latencies.get(row.id)),
    );
  }
}

const nothing = (): (number | null)[] => Array.from({ length: UPTIME_PARTS }, () => null);

function toOverview(
  row: Row,
  uptimeParts: (number | null)[],
  total: { good: number; bad: number } | undefined,
  latencies: LatencyHistogram | undefined,
): CheckOverview {
  return {
    id: row.id,
    name: row.name,
    tenantId: row.tenant_id,
    ...(row.instance_id !== null && { instanceId: row.instance_id }),
    ...(row.tenant !== null && { tenant: row.tenant }),
    ...(row.instance !== null && { instance: row.instance }),
    ...(row.workload !== null && { workload: row.workload }),
    probe: row.probe,
    status: row.enabled ? (row.status ?? 'starting') : 'off',
    ...(row.since !== null && { since: new Date(row.since) }),
    ...(total && { uptime: (100 * total.good) / (total.good + total.bad) }),
    uptimeParts,
    ...(latencies && { p50: quantileOf(latencies, 0.5), p95: quantileOf(latencies, 0.95) }),
  };
}
