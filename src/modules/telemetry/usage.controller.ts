import { Get, Query } from '@nestjs/common';
import { DashboardTab, type DashboardItemChart } from '../../core/http/dashboard-tab.js';
import { limit, oneOf, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWirePage, type WirePage } from '../../core/http/wire.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { type InstanceId, parseOptionalId, type TenantId } from '../ids/typed-id.js';
import { InstanceRepository } from '../instances/instance.repository.js';
import { FleetUsage, largest, type UsageGroup, type UsageMetric, type UsageRange } from './fleet-usage.js';
import { type ResourceMetric, type ResourceSnapshot } from './resource-metrics.js';
import { TelemetryService } from './telemetry.service.js';
import { TelemetryStore } from './telemetry.store.js';
import { aggregate } from './window-statistics.js';

/** What an instance uses now, and how that went in the last hour. */
export interface InstanceUsage {
  id: InstanceId;
  tenantId: TenantId;
  /** Absent when its row is gone. */
  name?: string;
  at: Date;
  /** Percent of one core; null: not available there. */
  cpuPercent: number | null;
  memoryWorkingSetBytes: number | null;
  memoryLimitBytes: number | null;
  cpu: UsagePoint[];
  memory: UsagePoint[];
}

type UsagePoint = [instant: string, value: number | null];

const HOUR = 3_600_000;
const STEP = 60_000;
const COURSE: readonly ResourceMetric[] = ['cpuPercent', 'memoryWorkingSetBytes'];

/** Groups that have a line of their own in a chart; the others share one. */
const MOST_GROUPS = 5;

const DIVIDED = [
  ['', '', 'last hour'],
  ['&by=datacenter', ' by datacenter', 'last hour'],
  ['&by=workload', ' by workload', 'last hour'],
  ['&range=24h', '', 'last day'],
] as const;
const CHARTS = DIVIDED.flatMap(([query, by, time]): DashboardItemChart[] => [
  { kind: 'chart', title: `CPU of all${by}, ${time}`, path: `usage/history?metric=cpu_percent${query}`, unit: 'percent' },
  { kind: 'chart', title: `Memory of all${by}, ${time}`, path: `usage/history?metric=memory_working_set_bytes${query}`, unit: 'bytes' },
]); // prettier-ignore

interface HistoryQuery {
  metric?: UsageMetric;
  by?: UsageGroup;
  range?: UsageRange;
  tenant_id?: string;
}

/** What the instances of all tenants use, or of the one that the reader's claims are for. */
@ControlPlaneController('usage')
@DashboardTab({
  id: 'usage',
  title: 'CPU and memory',
  description:
    'What all instances use together, and each of them now and in the last hour. A gap is a time in which nothing was read.',
  empty: 'Nothing was read within the last two minutes.',
  // Each row asks for an hour of minutes.
  path: 'usage?limit=25',
  refresh: 5_000,
  parts: CHARTS,
  columns: [
    { key: 'name', title: 'instance', link: { tab: 'fleet', key: 'id' } },
    { key: 'cpu_percent', title: 'CPU', kind: 'percent' },
    { key: 'cpu', title: 'CPU, last hour', kind: 'sparkline' },
    { key: 'memory_working_set_bytes', title: 'memory', kind: 'bytes' },
    { key: 'memory', title: 'memory, last hour', kind: 'sparkline' },
    { key: 'memory_limit_bytes', title: 'limit', kind: 'bytes' },
    { key: 'at', title: 'read', kind: 'instant' },
  ],
})
export class UsageController {
  constructor(
    private readonly telemetry: TelemetryService,
    private readonly store: TelemetryStore,
    private readonly instances: InstanceRepository,
    private readonly fleet: FleetUsage,
  ) {}

  /** All instances together, or the largest groups of them; null where nothing was read. */
  @Get('history')
  async history(
    @Query(
      new QueryPipe({
        metric: oneOf('cpu_percent', 'memory_working_set_bytes'),
        by: oneOf('datacenter', 'workload'),
        range: oneOf('1h', '24h'),
        tenant_id: text(),
      }),
    )
    { metric = 'cpu_percent', by, range = '1h', tenant_id }: HistoryQuery,
  ): Promise<object> {
    const history = await this.fleet.history(parseOptionalId('tenant', tenant_id), { by, range });
    return {
      name: metric,
      step_seconds: history.step / 1_000,
      series: largest(history.series, metric, MOST_GROUPS).map(({ group, values }) => ({
        labels: by ? { [by]: group ?? 'unknown' } : {},
        points: history.instants.map((at, index) => [at.toISOString(), values[index] ?? null]),
      })),
    };
  }

  @Get()
  async list(
    @Query(new QueryPipe({ tenant_id: text(), limit: limit(25), after: text() }))
    { tenant_id, ...query }: { tenant_id?: string; limit: number; after?: string },
  ): Promise<WirePage<InstanceUsage>> {
    const page = await this.telemetry.currentUse(parseOptionalId('tenant', tenant_id), query);
    const rows = await this.instances.findAllAcrossTenants(page.items.map(({ instanceId }) => instanceId));
    const names = new Map(rows.map(({ id, name }) => [id, name]));
    const items: InstanceUsage[] = [];
    for (const snapshot of page.items)
      items.push(await this.usageOf(snapshot, names.get(snapshot.instanceId)));
    return toWirePage({ items, next: page.next });
  }

  private async usageOf(snapshot: ResourceSnapshot, name: string | undefined): Promise<InstanceUsage> {
    const { tenantId, instanceId: id, at, cpuPercent, memoryWorkingSetBytes, memoryLimitBytes } = snapshot;
    const until = new Date();
    const windows = await this.store.resourceWindows(tenantId, id, COURSE, {
      since: new Date(+until - HOUR),
      until,
      step: STEP,
      aggregation: 'avg',
    });
    const course = (metric: ResourceMetric): UsagePoint[] =>
      (windows.get(metric) ?? []).flatMap((window, index, all): UsagePoint[] => {
        const point: UsagePoint = [window.at.toISOString(), aggregate(window, 'avg', STEP / 1_000)];
        const before = all[index - 1]?.at;
        // Windows without a reading are left out.
        if (before === undefined || +window.at - +before === STEP) return [point];
        return [[new Date(+before + STEP).toISOString(), null], point];
      });
    return {
      id,
      tenantId,
      ...(name !== undefined && { name }),
      at,
      cpuPercent,
      memoryWorkingSetBytes,
      memoryLimitBytes,
      cpu: course('cpuPercent'),
      memory: course('memoryWorkingSetBytes'),
    };
  }
}
