import { type BatchCounts } from '../database/batch-writer.js';
import { type InstanceId, parseId, type TenantId } from '../ids/typed-id.js';
import {
  type MetricLabels,
  type MetricSeries,
  type SeriesIdentity,
  seriesKey,
  type StoredSample,
} from './metric.js';
import { RESOURCE_METRICS, type ResourceMetric, type ResourceSnapshot } from './resource-metrics.js';
import { DEFAULT_LIMITS } from './telemetry.options.js';
import {
  type LatestSample,
  type LostPoints,
  type MaintenancePass,
  type TelemetryCounts,
  TelemetryStore,
  type TimeRange,
} from './telemetry.store.js';
import { type Point, windowsOf } from './windows-of-points.js';
import { type WindowStatistics } from './window-statistics.js';

interface KeptSeries extends MetricSeries {
  tenantId: TenantId;
  points: Map<number, Point>;
  lastSeen: number;
}

const ACTIVE_FOR_MS = 3_600_000;

/** Most points that are held, of all series together, after a pass every five minutes. The oldest go. */
const MOST_POINTS = 1_000_000;

/**
 * Telemetry in the memory of this process: for applications without a database, and for tests. Windows are computed from the
 * points whenever they are asked for; of these a million are kept, and nothing beyond the end of the process.
 */
export class InMemoryTelemetryStore extends TelemetryStore {
  private readonly resources = new Map<string, Map<number, ResourceSnapshot>>();
  private series: KeptSeries[] = [];
  private lastId = 0;
  private readonly byKey = new Map<string, KeptSeries>();
  private readonly told = new Map<string, number>();
  private readonly stored = { resources: 0, samples: 0 };
  private beyondLimit = 0;

  /** @param options `activeSeries` of a tenant, default 10,000; `points` of all series together, default a million */
  constructor(private readonly options: { activeSeries?: number; points?: number } = {}) {
    super();
  }

  addResources(snapshots: readonly ResourceSnapshot[]): void {
    for (const snapshot of snapshots) {
      const name = `${snapshot.instanceId} ${snapshot.tenantId}`;
      const own = this.resources.get(name) ?? new Map<number, ResourceSnapshot>();
      this.resources.set(name, own);
      this.stored.resources++;
      if (!own.has(+snapshot.at)) own.set(+snapshot.at, snapshot);
    }
  }

  addSamples(samples: readonly StoredSample[]): void {
    for (const { tenantId, series, at, value, startedAt } of samples) {
      const kept = this.seriesOf(tenantId, series);
      if (!kept) {
        this.beyondLimit++;
        continue;
      }
      kept.lastSeen = Date.now();
      this.stored.samples++;
      if (!kept.points.has(+at)) kept.points.set(+at, { at, value, startedAt });
    }
  }

  async admit(tenantId: TenantId, series: readonly SeriesIdentity[]): Promise<Set<string>> {
    parseId('tenant', tenantId);
    return new Set(series.filter((one) => this.seriesOf(tenantId, one)).map(seriesKey));
  }

  async flush(): Promise<void> {}

  counts(): TelemetryCounts {
    const counts = (written: number, refused: number): BatchCounts => ({
      buffered: 0,
      written,
      dropped: { overflow: 0, refused, closed: 0 },
      unreachable: false,
    });
    return {
      resources: counts(this.stored.resources, 0),
      samples: counts(this.stored.samples, this.beyondLimit),
    };
  }

  async latestResources(
    tenantId: TenantId,
    query: { since: Date; instanceIds?: readonly InstanceId[]; after?: InstanceId; limit: number },
  ): Promise<ResourceSnapshot[]> {
    parseId('tenant', tenantId);
    return this.latest(query, (snapshot) => snapshot.tenantId === tenantId);
  }

  async latestResourcesAcrossTenants(query: {
    since: Date;
    after?: InstanceId;
    limit: number;
  }): Promise<ResourceSnapshot[]> {
    return this.latest(query, () => true);
  }

  async resourceWindows(
    tenantId: TenantId,
    instanceId: InstanceId,
    metrics: readonly ResourceMetric[],
    range: TimeRange,
  ): Promise<Map<ResourceMetric, WindowStatistics[]>> {
    parseId('tenant', tenantId);
    const own = [...(this.resources.get(`${parseId('instance', instanceId)} ${tenantId}`)?.values() ?? [])];
    return new Map(
      metrics.map((metric) => {
        const points = own.map(({ at, startedAt, ...values }) => ({ at, startedAt, value: values[metric] }));
        return [metric, windowsOf(points, range).map((window) => keptOf(metric, window))];
      }),
    );
  }

  async findSeries(
    tenantId: TenantId,
    query: { name?: string; labels?: MetricLabels; instanceId?: InstanceId; limit: number },
  ): Promise<MetricSeries[]> {
    parseId('tenant', tenantId);
    const { name, labels = {}, instanceId, limit } = query;
    return this.series
      .filter((one) => one.tenantId === tenantId)
      .filter((one) => name === undefined || one.name === name)
      .filter((one) => instanceId === undefined || one.instanceId === instanceId)
      .filter((one) => Object.entries(labels).every(([label, value]) => one.labels[label] === value))
      .slice(0, limit)
      .map(({ id, name, kind, labels, instanceId }) => ({ id, name, kind, labels, instanceId }));
  }

  async sampleWindows(
    tenantId: TenantId,
    seriesIds: readonly number[],
    range: TimeRange,
  ): Promise<Map<number, WindowStatistics[]>> {
    parseId('tenant', tenantId);
    const own = this.series.filter((one) => one.tenantId === tenantId && seriesIds.includes(one.id));
    return new Map(own.map(({ id, points }) => [id, windowsOf([...points.values()], range)]));
  }

  async latestSamplesAcrossTenants(query: {
    since: Date;
    after?: number;
    limit: number;
  }): Promise<LatestSample[]> {
    const { since, after = 0, limit } = query;
    return this.series
      .filter(({ id }) => id > after)
      .flatMap(({ tenantId, points, lastSeen: _, ...series }) => {
        const newest = [...points.values()].sort((a, b) => +b.at - +a.at)[0];
        return newest && newest.at >= since
          ? [{ tenantId, series, at: newest.at, value: newest.value! }]
          : [];
      })
      .slice(0, limit);
  }

  /** There are none: windows are made of points. */
  async rollUp(): Promise<number> {
    return 0;
  }

  async maintain(): Promise<MaintenancePass> {
    this.dropOldest();
    return { made: [], dropped: [], inUse: [], collected: this.collectDead() };
  }

  private dropOldest(): void {
    const all = [...this.resources.values(), ...this.series.map(({ points }) => points)];
    const times = Float64Array.from(all.flatMap((points) => [...points.keys()])).sort();
    const excess = times.length - (this.options.points ?? MOST_POINTS);
    if (excess <= 0) return;
    const last = times[excess - 1]!;
    for (const points of all) for (const at of points.keys()) if (at <= last) points.delete(at);
  }

  /** Those of which nothing is left, and nothing comes any more. */
  private collectDead(): number {
    const before = this.series.length + this.resources.size;
    for (const [name, points] of this.resources) if (points.size === 0) this.resources.delete(name);
    const dead = new Set(this.series.filter((one) => one.points.size === 0 && !isActive(one)));
    for (const one of dead) this.byKey.delete(`${one.tenantId} ${seriesKey(one)}`);
    this.series = this.series.filter((one) => !dead.has(one));
    return before - this.series.length - this.resources.size;
  }

  /** All of it is lost with this process: there is nothing to report afterwards. */
  async takeLost(): Promise<LostPoints[]> {
    return [];
  }

  async mayTell(tenantId: TenantId, matter: string): Promise<boolean> {
    const key = `${parseId('tenant', tenantId)} ${matter}`;
    const now = performance.now();
    if (now - (this.told.get(key) ?? -Infinity) < ACTIVE_FOR_MS) return false;
    this.told.set(key, now);
    return true;
  }

  private seriesOf(tenantId: TenantId, series: SeriesIdentity): KeptSeries | undefined {
    const key = `${tenantId} ${seriesKey(series)}`;
    const known = this.byKey.get(key);
    if (known && isActive(known)) return known;
    const active = this.series.filter((one) => one.tenantId === tenantId && isActive(one)).length;
    if (active >= (this.options.activeSeries ?? DEFAULT_LIMITS.activeSeries)) return undefined;
    if (known) return known;
    const made: KeptSeries = {
      ...series,
      tenantId,
      id: ++this.lastId,
      points: new Map(),
      lastSeen: Date.now(),
    };
    this.series.push(made);
    this.byKey.set(key, made);
    return made;
  }

  private latest(
    {
      since,
      instanceIds,
      after = '' as InstanceId,
      limit,
    }: { since: Date; instanceIds?: readonly InstanceId[]; after?: InstanceId; limit: number },
    mayBeSeen: (snapshot: ResourceSnapshot) => boolean,
  ): ResourceSnapshot[] {
    return [...this.resources.keys()]
      .sort()
      .flatMap((name) => {
        const newest = [...this.resources.get(name)!.values()].sort((a, b) => +b.at - +a.at)[0];
        return newest ? [newest] : [];
      })
      .filter(mayBeSeen)
      .filter(({ at, instanceId }) => at >= since && instanceId > after)
      .filter(({ instanceId }) => !instanceIds || instanceIds.includes(instanceId))
      .slice(0, limit);
  }
}

function isActive({ lastSeen }: KeptSeries): boolean {
  return lastSeen > Date.now() - ACTIVE_FOR_MS;
}

/** What the stores keep of a metric of that kind. */
function keptOf(metric: ResourceMetric, window: WindowStatistics): WindowStatistics {
  const { kind } = RESOURCE_METRICS[metric];
  if (kind === 'gauge') return { ...window, increase: null };
  const last = { ...window, min: null, max: null, sum: null };
  return kind === 'counter' ? last : { ...last, increase: null };
}
