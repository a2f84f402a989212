import { Inject, Injectable, Optional } from '@nestjs/common';
import { parseDuration } from '../../core/timing/duration.js';
import { requireCrossTenant, requireTenantAccess } from '../auth/claims.js';
import { seenTenant } from '../auth/seen-tenant.js';
import { cutPage, type Page, pageLimit } from '../database/page.js';
import { EventBus } from '../events/event-bus.js';
import { type InstanceId, parseId, parseOptionalId, type TenantId } from '../ids/typed-id.js';
import { shown } from '../input/input.js';
import { InvalidInputError } from '../input/input.errors.js';
import { type MetricLabels, type MetricSample, type SeriesKind } from './metric.js';
import { type MetricCollector, type MetricCollectorOptions } from './metric-collector.js';
import { MetricCollectorRegistry } from './metric-collector.registry.js';
import { areMetricLabels, isMetricName, type SampleFault } from './metric-input.js';
import { parseRange, type RangeQuery } from './metric-query.js';
import {
  RESOURCE_METRIC_NAMES,
  RESOURCE_METRICS,
  type ResourceMetric,
  type ResourceSnapshot,
} from './resource-metrics.js';
import { DEFAULT_LIMITS, TELEMETRY_OPTIONS, type TelemetryOptions } from './telemetry.options.js';
import { type PushResult, SampleIntake } from './sample-intake.js';
import { type TelemetryCounts, TelemetryStore } from './telemetry.store.js';
import { aggregate, type Aggregation, AGGREGATIONS, type WindowStatistics } from './window-statistics.js';
import { withDefaults } from '../input/with-defaults.js';

export interface MetricQuery extends RangeQuery {
  /** Of a metric that was pushed, or the column of a resource metric such as `cpu_percent`; those need `instanceId`. */
  name: string;
  /** Only series that have all of these. */
  labels?: MetricLabels | undefined;
  instanceId?: InstanceId | undefined;
  /** Default `rate` for counters, `avg` for all else. */
  aggregation?: Aggregation | undefined;
}

/** A value of a window. */
export interface MetricPoint {
  /** Start of the window. */
  at: Date;
  /** Null where what was asked for is not kept: the least value of a counter of an instance. */
  value: number | null;
}

export interface MetricResult {
  name: string;
  /** Milliseconds; longer than what was asked for where the points are not kept any more. */
  step: number;
  /** Windows without a point are left out: a gap is not a zero. */
  series: {
    labels: MetricLabels;
    instanceId?: InstanceId;
    kind: SeriesKind;
    aggregation: Aggregation;
    points: MetricPoint[];
  }[];
}

/** A window of all resource metrics of an instance. */
export interface ResourceWindow {
  at: Date;
  /** How often the instance was restarted. */
  restarts: number;
  metrics: Partial<Record<ResourceMetric, WindowStatistics>>;
}

export interface TelemetryDashboard {
  /** What instances use now, ordered by id; those of which nothing was read for a while are left out. */
  instances: Page<ResourceSnapshot>;
  /** Of the instances on this page. Null where none of them says so. */
  total: { cpuPercent: number | null; memoryWorkingSetBytes: number | null };
}

/** A reading that is older says nothing of now. */
const CURRENT_MS = 120_000;

const MOST_SERIES = 200;

/** Measurements of a tenant's instances and applications: pushed, kept, queried. */
@Injectable()
export class TelemetryService {
  /** Milliseconds for which points are kept. */
  private readonly keptFor: number;
  private readonly intake: SampleIntake;

  constructor(
    private readonly store: TelemetryStore,
    private readonly collectors: MetricCollectorRegistry,
    @Optional() @Inject(TELEMETRY_OPTIONS) options: TelemetryOptions = {},
    @Optional() events?: EventBus,
  ) {
    this.keptFor = parseDuration(options.retention?.raw ?? '24h');
    const limits = withDefaults(DEFAULT_LIMITS, options.limits);
    this.intake = new SampleIntake({ store, events, limits, keptFor: this.keptFor });
  }

  /**
   * Takes samples to be stored within a second. What cannot be is dropped and counted, and costs nothing else.
   * @throws UnauthorizedError, ForbiddenError, InvalidIdError
   */
  async pushMetrics(tenantId: TenantId, samples: readonly MetricSample[]): Promise<PushResult> {
    requireTenantAccess(tenantId);
    return this.intake.push(tenantId, samples);
  }

  /** Takes readings of instances, as the collector makes them. @throws UnauthorizedError, ForbiddenError */
  recordResources(snapshots: readonly ResourceSnapshot[]): void {
    requireCrossTenant();
    this.store.addResources(snapshots);
  }

  /**
   * Windows of a metric.
   * @throws UnauthorizedError, ForbiddenError, InvalidIdError, InvalidInputError
   */
  async queryMetrics(tenantId: TenantId, query: MetricQuery): Promise<MetricResult> {
    requireTenantAccess(tenantId);
    const { name, labels, aggregation } = query;
    const instanceId = parseOptionalId('instance', query.instanceId);
    const faults: string[] = [];
    if (!isMetricName(name))
      faults.push(
        `name: ${shown(name)} is no name of a metric: use letters, digits, "_" and ":", no digit first`,
      );
    if (labels !== undefined && !areMetricLabels(labels))
      faults.push(`labels: ${shown(labels)} are not labels of a series: names and texts`);
    if (aggregation !== undefined && !AGGREGATIONS.includes(aggregation))
      faults.push(`aggregation: ${shown(aggregation)} is none of ${AGGREGATIONS.join(', ')}`);
    if (faults.length > 0) throw new InvalidInputError('metric query', faults);
    const range = parseRange(query, { now: Date.now(), keptFor: this.keptFor });
    const points = (windows: readonly WindowStatistics[], by: Aggregation): MetricPoint[] =>
      windows.map((window) => ({
        at: window.at,
        value: aggregate(window, by, Math.min(range.step, Date.now() - +window.at) / 1_000),
      }));
    const resource = RESOURCE_METRIC_NAMES.find((metric) => RESOURCE_METRICS[metric].column === name);
    if (resource) {
      if (!instanceId)
        throw new InvalidInputError('metric query', [`instanceId: ${name} is of an instance: say which`]);
      const kind = RESOURCE_METRICS[resource].kind === 'counter' ? 'counter' : 'gauge';
      const by = aggregation ?? (RESOURCE_METRICS[resource].kind === 'state' ? 'last' : usual(kind));
      const windows = await this.store.resourceWindows(tenantId, instanceId, [resource], {
        ...range,
        aggregation: by,
      });
      const found = points(windows.get(resource)!, by);
      return {
        name,
        step: range.step,
        series: found.length ? [{ labels: {}, instanceId, kind, aggregation: by, points: found }] : [],
      };
    }
    const series = await this.store.findSeries(tenantId, {
      name,
      labels,
      instanceId,
      limit: MOST_SERIES + 1,
    });
    if (series.length > MOST_SERIES)
      throw new InvalidInputError('metric query', [
        `labels: more than ${MOST_SERIES} series are of ${shown(name)} and these labels: ask for fewer`,
      ]);
    const windows = await this.store.sampleWindows(
      tenantId,
      series.map(({ id }) => id),
      { ...range, aggregation },
    );
    return {
      name,
      step: range.step,
      series: series
        .map(({ id, labels, instanceId, kind }) => {
          const by = aggregation ?? usual(kind);
          return { labels, instanceId, kind, aggregation: by, points: points(windows.get(id) ?? [], by) };
        })
        .filter((one) => one.points.length > 0),
    };
  }

  /**
   * The latest reading of an instance; undefined when there was none within two minutes.
   * @throws UnauthorizedError, ForbiddenError, InvalidIdError
   */
  async currentResources(tenantId: TenantId, instanceId: InstanceId): Promise<ResourceSnapshot | undefined> {
    requireTenantAccess(tenantId);
    const instanceIds = [parseId('instance', instanceId)];
    const [latest] = await this.store.latestResources(tenantId, { since: current(), instanceIds, limit: 1 });
    return latest;
  }

  /**
   * All resource metrics of an instance by window, oldest first.
   * @throws UnauthorizedError, ForbiddenError, InvalidIdError, InvalidInputError
   */
  async resourceHistory(
    tenantId: TenantId,
    instanceId: InstanceId,
    query: RangeQuery = {},
  ): Promise<{ step: number; windows: ResourceWindow[] }> {
    requireTenantAccess(tenantId);
    const range = parseRange(query, { now: Date.now(), keptFor: this.keptFor });
    const found = await this.store.resourceWindows(
      tenantId,
      parseId('instance', instanceId),
      RESOURCE_METRIC_NAMES,
      range,
    );
    const windows = new Map<number, ResourceWindow>();
    for (const [metric, own] of found)
      for (const window of own) {
        const at = +window.at;
        if (!windows.has(at)) windows.set(at, { at: window.at, restarts: window.restarts, metrics: {} });
        windows.get(at)!.metrics[metric] = window;
      }
    return { step: range.step, windows: [...windows.values()].sort((a, b) => +a.at - +b.at) };
  }

  /**
   * What the tenant's instances use now.
   * @throws UnauthorizedError, ForbiddenError, InvalidIdError, InvalidInputError
   */
  async dashboard(
    tenantId: TenantId,
    query: { limit?: number; after?: string } = {},
  ): Promise<TelemetryDashboard> {
    requireTenantAccess(tenantId);
    const instances = await this.currentUse(tenantId, query);
    return {
      instances,
      total: {
        cpuPercent: total(instances.items, 'cpuPercent'),
        memoryWorkingSetBytes: total(instances.items, 'memoryWorkingSetBytes'),
      },
    };
  }

  /**
   * What instances use now, ordered by id; those of which nothing was read within two minutes are left out.
   * @param tenantId undefined: of the one that the claims are for, or of all
   * @throws UnauthorizedError, ForbiddenError, InvalidIdError, InvalidInputError
   */
  async currentUse(
    tenantId: TenantId | undefined,
    query: { limit?: number; after?: string } = {},
  ): Promise<Page<ResourceSnapshot>> {
    const tenant = seenTenant(tenantId);
    const limit = pageLimit(query.limit);
    const part = { since: current(), after: parseOptionalId('instance', query.after), limit: limit + 1 };
    const found =
      tenant === null
        ? await this.store.latestResourcesAcrossTenants(part)
        : await this.store.latestResources(tenant, part);
    return cutPage(found, limit, ({ instanceId }) => instanceId);
  }

  /**
   * Lets the worker `telemetry_collector` ask it at every tick from now on.
   * @returns what ends that
   * @throws InvalidInputError when there is one of that name
   */
  registerCollector(name: string, collector: MetricCollector, options?: MetricCollectorOptions): () => void {
    return this.collectors.register(name, collector, options);
  }

  /** What became of all that this process has taken since it started. */
  counts(): TelemetryCounts & { readonly limited: Readonly<Partial<Record<SampleFault, number>>> } {
    return { ...this.store.counts(), limited: this.intake.dropped() };
  }
}

function usual(kind: SeriesKind): Aggregation {
  return kind === 'counter' ? 'rate' : 'avg';
}

function current(): Date {
  return new Date(Date.now() - CURRENT_MS);
}

function total(snapshots: readonly ResourceSnapshot[], metric: ResourceMetric): number | null {
  const values = snapshots.flatMap((snapshot) => snapshot[metric] ?? []);
  return values.length ? values.reduce((sum, value) => sum + value, 0) : null;
}
