import { type BatchCounts } from '../database/batch-writer.js';
import { type InstanceId, type TenantId } from '../ids/typed-id.js';
import { type MetricLabels, type MetricSeries, type SeriesIdentity, type StoredSample } from './metric.js';
import { type ResourceMetric, type ResourceSnapshot } from './resource-metrics.js';
import { type Aggregation, type WindowStatistics } from './window-statistics.js';

/** A span of time, cut into windows. */
export interface TimeRange {
  since: Date;
  until: Date;
  /** Length of a window in milliseconds. Windows begin at its multiples from the epoch. */
  step: number;
  /** What the windows are for: what it does not need of them may be null. Default: anything. */
  aggregation?: Aggregation | undefined;
}

/** What became of all that was added. */
export interface TelemetryCounts {
  readonly resources: BatchCounts;
  readonly samples: BatchCounts;
}

/** The latest sample of a series. */
export interface LatestSample {
  readonly tenantId: TenantId;
  readonly series: MetricSeries;
  readonly at: Date;
  readonly value: number;
}

/** What a process that was killed had taken, and not stored. */
export interface LostPoints {
  /** Machine, process id, and a number by chance. */
  readonly writer: string;
  readonly readings: number;
  readonly samples: number;
}

/** What a pass over the stored data did. */
export interface MaintenancePass {
  /** Names of partitions. */
  readonly made: readonly string[];
  readonly dropped: readonly { readonly name: string; readonly reason: 'age' | 'size' }[];
  readonly inUse: readonly string[];
  /** Series and instances of which nothing is stored any more. */
  readonly collected: number;
}

/**
 * Where readings and samples are kept. Adding is buffered, and never waits; what is lost is counted. Adding a point twice,
 * or another one of the same series and instant, stores the first. Points may come in any order.
 */
export abstract class TelemetryStore {
  /** Takes readings to be stored soon. */
  abstract addResources(snapshots: readonly ResourceSnapshot[]): void;

  /** Takes samples to be stored soon. Those of series beyond the tenant's limit are dropped, and counted as refused. */
  abstract addSamples(samples: readonly StoredSample[]): void;

  /**
   * Makes room for series, within the tenant's limit of active ones.
   * @returns the keys (`seriesKey`) of those that have a place
   */
  abstract admit(tenantId: TenantId, series: readonly SeriesIdentity[]): Promise<Set<string>>;

  /** Resolves when all that was added is stored or dropped. */
  abstract flush(): Promise<void>;

  abstract counts(): TelemetryCounts;

  /** The latest reading of each of the tenant's instances, not older than `since`; ordered by instance. */
  abstract latestResources(
    tenantId: TenantId,
    query: { since: Date; instanceIds?: readonly InstanceId[]; after?: InstanceId; limit: number },
  ): Promise<ResourceSnapshot[]>;

  /** The same of all tenants, for the control plane itself. */
  abstract latestResourcesAcrossTenants(query: {
    since: Date;
    after?: InstanceId;
    limit: number;
  }): Promise<ResourceSnapshot[]>;

  /** The windows of a metric of one instance, oldest first; those without points are left out. */
  abstract resourceWindows(
    tenantId: TenantId,
    instanceId: InstanceId,
    metrics: readonly ResourceMetric[],
    range: TimeRange,
  ): Promise<Map<ResourceMetric, WindowStatistics[]>>;

  /** The tenant's series of that name that have all of the labels, ordered by id. */
  abstract findSeries(
    tenantId: TenantId,
    query: { name?: string; labels?: MetricLabels; instanceId?: InstanceId; limit: number },
  ): Promise<MetricSeries[]>;

  /** The windows of series of that tenant, by series id; ids of others are not found. */
  abstract sampleWindows(
    tenantId: TenantId,
    seriesIds: readonly number[],
    range: TimeRange,
  ): Promise<Map<number, WindowStatistics[]>>;

  /** The latest sample of each series of all tenants, not older than `since`; ordered by series id. */
  abstract latestSamplesAcrossTenants(query: {
    since: Date;
    after?: number;
    limit: number;
  }): Promise<LatestSample[]>;

  /** Brings the rollups up to date. @returns how many windows of time were closed or mended */
  abstract rollUp(signal?: AbortSignal): Promise<number>;

  /** Makes room for what comes, and drops what is too old or too much. */
  abstract maintain(signal?: AbortSignal): Promise<MaintenancePass>;

  /**
   * What was lost with processes that were killed, a minute or two after; each is told to one caller, of all replicas. What they
   * had taken less than a tenth of a second before their end may be missing in the figures.
   */
  abstract takeLost(): Promise<LostPoints[]>;

  /** Whether a notice on that matter may be given to the tenant again: once an hour, of all replicas. */
  abstract mayTell(tenantId: TenantId, matter: string): Promise<boolean>;
}
