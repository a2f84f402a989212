import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit, Optional } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ShutdownDeadline } from '../../core/scheduler/shutdown-deadline.js';
import { parseDuration } from '../../core/timing/duration.js';
import { TimePartitions, type TimePartitionsOptions } from '../database/time-partitions.js';
import { Transactions } from '../database/transaction.js';
import { type InstanceId, parseId, type TenantId } from '../ids/typed-id.js';
import { type MetricLabels, type MetricSeries, type SeriesIdentity, type StoredSample } from './metric.js';
import { takeLostPoints } from './point-ledger.js';
import { PointWriters } from './point-writers.js';
import { POINT_TABLES, RESOURCES, SAMPLES } from './point-tables.js';
import { RESOURCE_METRICS, type ResourceMetric, type ResourceSnapshot } from './resource-metrics.js';
import { latestResourcesStatement, type SnapshotRow, toSnapshot } from './resource-rows.js';
import { type PointTable } from './rollup.statements.js';
import { Rollups } from './rollups.js';
import { SeriesKeys } from './series-keys.js';
import {
  DEFAULT_LIMITS,
  DEFAULT_RETENTION,
  TELEMETRY_OPTIONS,
  type TelemetryOptions,
} from './telemetry.options.js';
import {
  type LatestSample,
  type LostPoints,
  type MaintenancePass,
  type TelemetryCounts,
  TelemetryStore,
  type TimeRange,
} from './telemetry.store.js';
import { WindowReader } from './window-reader.js';
import { type WindowStatistics } from './window-statistics.js';
import { withDefaults } from '../input/with-defaults.js';

/** Milliseconds. */
const CLOSE_WITHIN = 5_000;

/** The parts of the store that one table of points has. */
interface Room {
  readonly raw: TimePartitions;
  readonly minutes: TimePartitions;
  readonly hours: TimePartitions;
  readonly rollups: Rollups;
  readonly reader: WindowReader;
}

/** Telemetry on plain PostgreSQL, 15 or newer: hourly partitions of points, rollups of a minute and of an hour. */
@Injectable()
export class PostgresTelemetryStore extends TelemetryStore implements OnModuleInit, OnApplicationShutdown {
  private readonly series: SeriesKeys;
  private readonly rooms: ReadonlyMap<PointTable, Room>;
  private readonly kept: Required<NonNullable<TelemetryOptions['retention']>>;
  private writers?: PointWriters;

  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    @Optional() @Inject(TELEMETRY_OPTIONS) private readonly options: TelemetryOptions = {},
    @Optional() private readonly shutdown?: ShutdownDeadline,
  ) {
    super();
    this.kept = withDefaults(DEFAULT_RETENTION, options.retention);
    this.series = new SeriesKeys(withDefaults(DEFAULT_LIMITS, options.limits).activeSeries);
    this.rooms = new Map(POINT_TABLES.map((table) => [table, this.roomOf(table)]));
  }

  async onModuleInit(): Promise<void> {
    for (const { raw } of this.rooms.values()) await raw.makeAhead();
    this.writers = new PointWriters(this.dataSource, {
      partitions: (table) => this.rooms.get(table)!.raw,
      series: this.series,
      maxBuffered: this.options.maxBuffered ?? 200_000,
    });
  }

  /** After the workers have drained. */
  async onApplicationShutdown(): Promise<void> {
    await this.writers?.close(this.shutdown?.begin().left(CLOSE_WITHIN));
  }

  addResources(snapshots: readonly ResourceSnapshot[]): void {
    this.writers!.addResources(snapshots);
  }

  addSamples(samples: readonly StoredSample[]): void {
    this.writers!.addSamples(samples);
  }

  async admit(tenantId: TenantId, series: readonly SeriesIdentity[]): Promise<Set<string>> {
    const manager = this.transactions.manager();
    const queryable = {
      query: async <Row extends object>(sql: string, values: unknown[]) => ({
        rows: await manager.query<Row[]>(sql, values),
      }),
    };
    return new Set((await this.series.admit(queryable, parseId('tenant', tenantId), series)).keys());
  }

  flush(): Promise<void> {
    return this.writers!.flush();
  }

  counts(): TelemetryCounts {
    return this.writers!.counts();
  }

  async latestResources(
    tenantId: TenantId,
    query: { since: Date; instanceIds?: readonly InstanceId[]; after?: InstanceId; limit: number },
  ): Promise<ResourceSnapshot[]> {
    return this.latest({ ...query, tenantId: parseId('tenant', tenantId) });
  }

  async latestResourcesAcrossTenants(query: {
    since: Date;
    after?: InstanceId;
    limit: number;
  }): Promise<ResourceSnapshot[]> {
    return this.latest(query);
  }

  async resourceWindows(
    tenantId: TenantId,
    instanceId: InstanceId,
    metrics: readonly ResourceMetric[],
    range: TimeRange,
  ): Promise<Map<ResourceMetric, WindowStatistics[]>> {
    const [source] = await this.transactions.query<{ id: number }>(
      `SELECT id FROM telemetry_sources WHERE tenant_id = $1 AND instance_id = $2`,
      [parseId('tenant', tenantId), parseId('instance', instanceId)],
    );
    const found = new Map<ResourceMetric, WindowStatistics[]>(metrics.map((metric) => [metric, []]));
    if (!source) return found;
    const names = new Set<string>(metrics.map((metric) => RESOURCE_METRICS[metric].column));
    const columns = RESOURCES.columns.filter(({ name }) => names.has(name));
    const windows = await this.rooms.get(RESOURCES)!.reader.read([source.id], columns, range);
    for (const metric of metrics)
      found.set(metric, windows.get(source.id)?.get(RESOURCE_METRICS[metric].column) ?? []);
    return found;
  }

  async findSeries(
    tenantId: TenantId,
    query: { name?: string; labels?: MetricLabels; instanceId?: InstanceId; limit: number },
  ): Promise<MetricSeries[]> {
    const { name, labels = {}, instanceId, limit } = query;
    const rows = await this.transactions.query<SeriesRow>(
      `SELECT id, name, kind, labels, instance_id FROM metric_series
        WHERE tenant_id = $1 AND ($2::text IS NULL OR name = $2) AND ($3::text IS NULL OR instance_id = $3)
          AND labels @> $4::jsonb
        ORDER BY id LIMIT $5`,
      [parseId('tenant', tenantId), name ?? null, instanceId ?? null, JSON.stringify(labels), limit],
    );
    return rows.map(({ instance_id, ...series }) => ({ ...series, instanceId: instance_id ?? undefined }));
  }

  async sampleWindows(
    tenantId: TenantId,
    seriesIds: readonly number[],
    range: TimeRange,
  ): Promise<Map<number, WindowStatistics[]>> {
    const own = await this.transactions.query<{ id: number }>(
      `SELECT id FROM metric_series WHERE tenant_id = $1 AND id = ANY($2::int[])`,
      [parseId('tenant', tenantId), seriesIds],
    );
    const keys = own.map(({ id }) => id);
    const windows = await this.rooms.get(SAMPLES)!.reader.read(keys, SAMPLES.columns, range);
    return new Map(keys.map((id) => [id, windows.get(id)?.get('value') ?? []]));
  }

  async latestSamplesAcrossTenants(query: {
    since: Date;
    after?: number;
    limit: number;
  }): Promise<LatestSample[]> {
    const { since, after = 0, limit } = query;
    const rows = await this.transactions.query<
      SeriesRow & { tenant_id: TenantId; at: number; value: number }
    >(
      `SELECT series.id, series.name, series.kind, series.labels, series.instance_id, series.tenant_id,
              (extract(epoch FROM latest.at) * 1000)::float8 AS at, latest.value
         FROM metric_series AS series
         CROSS JOIN LATERAL (
           SELECT at, value FROM metric_samples AS s WHERE s.series_id = series.id AND s.at >= $1 ORDER BY s.at DESC LIMIT 1
         ) AS latest
        WHERE series.id > $2 ORDER BY series.id LIMIT $3`,
      [since, after, limit],
    );
    return rows.map(({ tenant_id: tenantId, at, value, instance_id, ...series }) => ({
      tenantId,
      series: { ...series, instanceId: instance_id ?? undefined },
      at: new Date(at),
      value,
    }));
  }

  async rollUp(signal?: AbortSignal): Promise<number> {
    let windows = 0;
    for (const { rollups } of this.rooms.values()) windows += await rollups.pass(signal);
    return windows;
  }

  async maintain(signal?: AbortSignal): Promise<MaintenancePass> {
    const made: string[] = [];
    const dropped: { name: string; reason: 'age' | 'size' }[] = [];
    const inUse: string[] = [];
    for (const { raw, minutes, hours } of this.rooms.values())
      for (const partitions of [raw, minutes, hours]) {
        const pass = await partitions.maintain(signal);
        made.push(...pass.made);
        dropped.push(...pass.dropped);
        inUse.push(...pass.inUse);
      }
    return { made, dropped, inUse, collected: await this.collectDead() };
  }

  takeLost(): Promise<LostPoints[]> {
    return takeLostPoints(this.dataSource);
  }

  async mayTell(tenantId: TenantId, matter: string): Promise<boolean> {
    const rows = await this.transactions.query(
      `INSERT INTO telemetry_notices (tenant_id, matter, told_at) VALUES ($1, $2, clock_timestamp())
       ON CONFLICT (tenant_id, matter) DO UPDATE SET told_at = EXCLUDED.told_at
         WHERE telemetry_notices.told_at < clock_timestamp() - interval '1 hour'
       RETURNING told_at`,
      [parseId('tenant', tenantId), matter],
    );
    return rows.length > 0;
  }

  private async latest(query: Parameters<typeof latestResourcesStatement>[0]): Promise<ResourceSnapshot[]> {
    const { sql, values } = latestResourcesStatement(query);
    return (await this.transactions.query<SnapshotRow>(sql, values)).map(toSnapshot);
  }

  /** Numbers of which nothing can be stored any more: their last point is older than the coarsest rollup is kept. */
  private async collectDead(): Promise<number> {
    let collected = 0;
    for (const table of ['telemetry_sources', 'metric_series']) {
      const [, count] = await this.transactions.query<unknown>(
        `DELETE FROM ${table} WHERE id IN (
           SELECT id FROM ${table} WHERE last_seen_at < clock_timestamp() - make_interval(secs => $1) - interval '1 day'
            LIMIT 10000)`,
        [parseDuration(this.kept.hours) / 1_000],
      );
      collected += Number(count);
    }
    return collected;
  }

  private roomOf(table: PointTable): Room {
    const make = (options: TimePartitionsOptions): TimePartitions =>
      new TimePartitions(this.dataSource, options);
    const { raw: rawKept, minutes: minutesKept, hours: hoursKept, maxRawBytes: maxBytes } = this.kept;
    const raw = make({ table: table.raw, width: '1h', keep: rawKept, maxBytes });
    const minutes = make({ table: table.minutes, width: '1d', keep: minutesKept });
    const hours = make({ table: table.hours, width: '30d', keep: hoursKept, ahead: '30d' });
    const rollups = new Rollups(
      this.dataSource, this.transactions, table, { raw, minutes, hours }, parseDuration(rawKept),
    ); // prettier-ignore
    const reader = new WindowReader(this.transactions, table, () => rollups.progress());
    return { raw, minutes, hours, rollups, reader };
  }
}

interface SeriesRow {
  id: number;
  name: string;
  kind: 'gauge' | 'counter';
  labels: MetricLabels;
  instance_id: InstanceId | null;
}
