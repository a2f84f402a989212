import { Injectable } from '@nestjs/common';
import { seenTenant } from '../auth/seen-tenant.js';
import { Transactions } from '../database/transaction.js';
import { type TenantId } from '../ids/typed-id.js';
import { RESOURCES } from './point-tables.js';

/** By what the use of the fleet is divided; absent: not at all. */
export type UsageGroup = 'datacenter' | 'workload';

/** How far the use of the fleet is shown back. */
export type UsageRange = '1h' | '24h';

export type UsageMetric = 'cpu_percent' | 'memory_working_set_bytes';

/** Windows of one group, oldest first, one for each step: null where nothing was read. */
export interface UsageSeries {
  /** Absent: of instances whose row, or what it belongs to, is gone. */
  group?: string | undefined;
  values: Record<UsageMetric, (number | null)[]>;
}

export interface UsageHistory {
  /** Milliseconds. */
  step: number;
  /** Starts of the windows. */
  instants: Date[];
  series: UsageSeries[];
}

interface Row {
  grp: string | null;
  at: Date;
  cpu: number | null;
  memory: number | null;
}

interface Asked {
  tenant: TenantId | null;
  by: UsageGroup | undefined;
  range: UsageRange;
}

const MINUTE = 60_000;
const HOUR = 3_600_000;
const RANGES: Record<UsageRange, { length: number; step: number; rollup: string; until: string }> = {
  '1h': { length: HOUR, step: MINUTE, rollup: RESOURCES.minutes, until: 'minutes_until' },
  '24h': { length: 24 * HOUR, step: HOUR, rollup: RESOURCES.hours, until: 'hours_until' },
};
const GROUPS: Record<UsageGroup, string> = { datacenter: 'd.name', workload: 'w.name' };

/** Windows that may not be rolled up yet, without being a gap. */
const NOT_YET = 3;
/** Milliseconds for which an answer is given again: each open page asks for all its charts every few seconds. */
const KEPT_MS = 10_000;

/** What all instances together have used, from the rollups: in each window the sum of the averages of the instances. */
@Injectable()
export class FleetUsage {
  private readonly kept = new Map<string, { until: number; answer: Promise<UsageHistory> }>();

  constructor(private readonly transactions: Transactions) {}

  /**
   * The answer may be ten seconds old.
   * @param tenantId undefined: of the one that the claims are for, or of all
   * @throws UnauthorizedError, ForbiddenError, InvalidIdError
   */
  async history(
    tenantId: TenantId | undefined,
    { by, range }: { by: UsageGroup | undefined; range: UsageRange },
  ): Promise<UsageHistory> {
    const asked = { tenant: seenTenant(tenantId), by, range };
    const now = Date.now();
    for (const [key, { until }] of this.kept) if (until <= now) this.kept.delete(key);
    const key = JSON.stringify(asked);
    let kept = this.kept.get(key);
    if (!kept) {
      this.kept.set(key, (kept = { until: now + KEPT_MS, answer: this.read(asked, now) }));
      kept.answer.catch(() => this.kept.delete(key));
    }
    return kept.answer;
  }

  private async read({ tenant, by, range }: Asked, now: number): Promise<UsageHistory> {
    const { length, step, rollup, until } = RANGES[range];
    const [progress] = await this.transactions.query<{ until: Date }>(
      `SELECT ${until} AS until FROM telemetry_rollups WHERE raw = $1`,
      [RESOURCES.raw],
    );
    const end = Math.min(now, Math.max(+progress!.until, now - NOT_YET * step));
    const to = Math.floor(end / step) * step;
    const from = to - length;
    const rows = await this.transactions.query<Row>(totals(rollup, by), [
      new Date(from),
      new Date(to),
      tenant,
    ]);
    const instants = Array.from({ length: length / step }, (_, index) => from + index * step);
    const series = new Map<string | null, UsageSeries>();
    for (const { grp, at, cpu, memory } of rows) {
      let one = series.get(grp);
      if (!one) {
        const none = (): null[] => instants.map(() => null);
        series.set(grp, (one = { group: grp ?? undefined, values: { cpu_percent: none(), memory_working_set_bytes: none() } })); // prettier-ignore
      }
      const index = (+at - from) / step;
      one.values.cpu_percent[index] = cpu;
      one.values.memory_working_set_bytes[index] = memory;
    }
    return { step, instants: instants.map((at) => new Date(at)), series: [...series.values()] };
  }
}

/** By the primary key of the rollups, source by source: a day's partition has the minutes of other hours too. */
function totals(rollup: string, by: UsageGroup | undefined): string {
  return `
    WITH sources AS (
      SELECT s.id, ${by ? GROUPS[by] : 'NULL::text'} AS grp
        FROM telemetry_sources s
        ${
          by
            ? `LEFT JOIN instances i ON i.id = s.instance_id AND i.tenant_id = s.tenant_id
        LEFT JOIN workloads w ON w.id = i.workload_id AND w.tenant_id = i.tenant_id
        LEFT JOIN datacenters d ON d.id = w.datacenter_id AND d.tenant_id = i.tenant_id`
            : ''
        }
       WHERE ($3::text IS NULL OR s.tenant_id = $3) AND s.last_seen_at > $1::timestamptz - interval '1 day'
    )
    SELECT grp, at, sum(cpu_percent_sum / nullif(cpu_percent_count, 0))::float8 AS cpu,
           sum(memory_working_set_bytes_sum / nullif(memory_working_set_bytes_count, 0))::float8 AS memory
      FROM sources CROSS JOIN LATERAL (
        SELECT at, cpu_percent_sum, cpu_percent_count, memory_working_set_bytes_sum, memory_working_set_bytes_count
          FROM ${rollup} AS r
         WHERE r.source_id = sources.id AND r.at >= $1 AND r.at < $2
      ) AS windows
     GROUP BY 1, 2`;
}

/** The groups that have used most, largest first, and the sum of the others as one more. */
export function largest(
  series: readonly UsageSeries[],
  metric: UsageMetric,
  most: number,
): { group?: string | undefined; values: (number | null)[] }[] {
  const all = series
    .map(({ group, values }) => ({ group, values: values[metric] }))
    .filter(({ values }) => values.some((value) => value !== null))
    .sort((a, b) => sumOf(b.values) - sumOf(a.values));
  const others = all.slice(most);
  if (others.length === 0) return all;
  const together = others[0]!.values.map((_, index) => {
    const known = others.flatMap(({ values }) => values[index] ?? []);
    return known.length === 0 ? null : sumOf(known);
  });
  return [...all.slice(0, most), { group: `${others.length} others`, values: together }];
}

function sumOf(values: readonly (number | null)[]): number {
  return values.reduce((sum: number, value) => sum + (value ?? 0), 0);
}
