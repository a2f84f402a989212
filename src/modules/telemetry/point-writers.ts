import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { type DataSource } from 'typeorm';
import { type BatchCounts, BatchWriter } from '../database/batch-writer.js';
import { ownPool } from '../database/own-pool.js';
import { type TimePartitions } from '../database/time-partitions.js';
import { type TenantId } from '../ids/typed-id.js';
import { type Queryable } from './key-cache.js';
import { seriesKey, type StoredSample } from './metric.js';
import { PointLedger, type PointTotals } from './point-ledger.js';
import { RESOURCES, SAMPLES } from './point-tables.js';
import { PointSink } from './point.sink.js';
import { type ResourceSnapshot } from './resource-metrics.js';
import { snapshotColumns } from './resource-rows.js';
import { type PointTable } from './rollup.statements.js';
import { type SeriesKeys } from './series-keys.js';
import { SourceKeys } from './source-keys.js';
import { type TelemetryCounts } from './telemetry.store.js';

export interface PointWritersOptions {
  partitions: (table: PointTable) => TimePartitions;
  series: SeriesKeys;
  /** Most readings, and most samples, that wait. */
  maxBuffered: number;
}

/** Takes readings and samples, and stores them soon: in batches, and entered in the ledger. */
export class PointWriters {
  private readonly sources = new SourceKeys();
  private readonly series: SeriesKeys;
  private readonly resources: BatchWriter<ResourceSnapshot>;
  private readonly samples: BatchWriter<StoredSample>;
  private readonly resourceLedger: PointLedger;
  private readonly sampleLedger: PointLedger;
  /** Samples that the writer takes for written, and that were dropped, as their series has no place. */
  private beyondLimit = 0;

  constructor(dataSource: DataSource, { partitions, series, maxBuffered }: PointWritersOptions) {
    this.series = series;
    const shared = { maxBuffered, batchSize: 5_000, flushAfter: 200, writesAtOnce: 2 };
    const writer = `${hostname()} ${process.pid} ${randomBytes(4).toString('hex')}`;
    this.resourceLedger = new PointLedger(dataSource, { writer, raw: RESOURCES.raw }, () =>
      totalsOf(this.resources.counts()),
    );
    this.sampleLedger = new PointLedger(dataSource, { writer, raw: SAMPLES.raw }, () =>
      totalsOf(this.samples.counts(), this.beyondLimit),
    );
    this.resources = new BatchWriter(
      new PointSink<ResourceSnapshot>(ownPool(dataSource, 2), {
        table: RESOURCES,
        columns: snapshotColumns(),
        partitions: partitions(RESOURCES),
        ledger: this.resourceLedger,
        keyed: async (pool, snapshots) => {
          const keys = await this.sources.resolve(pool, snapshots);
          return snapshots.map((point, index) => ({ key: keys[index]!, point }));
        },
      }),
      { what: 'resource readings', onDropped: () => this.resourceLedger.took(), ...shared },
    );
    this.samples = new BatchWriter(
      new PointSink<StoredSample>(ownPool(dataSource, 2), {
        table: SAMPLES,
        columns: [
          { name: 'at', type: 'timestamptz', value: ({ point }) => point.at },
          { name: 'started_at', type: 'timestamptz', value: ({ point }) => point.startedAt },
          { name: 'value', type: 'double precision', value: ({ point }) => point.value },
        ],
        partitions: partitions(SAMPLES),
        ledger: this.sampleLedger,
        keyed: (pool, samples) => this.keyedSamples(pool, samples),
        leftOut: (count) => {
          this.beyondLimit += count;
          this.sampleLedger.took();
        },
      }),
      { what: 'metric samples', onDropped: () => this.sampleLedger.took(), ...shared },
    );
  }

  addResources(snapshots: readonly ResourceSnapshot[]): void {
    this.resources.addAll(snapshots);
    if (snapshots.length > 0) this.resourceLedger.took();
  }

  addSamples(samples: readonly StoredSample[]): void {
    this.samples.addAll(samples);
    if (samples.length > 0) this.sampleLedger.took();
  }

  async flush(): Promise<void> {
    await Promise.all([this.resources.flush(), this.samples.flush()]);
  }

  /** @param within milliseconds for what is buffered to be written; default 5,000 */
  async close(within?: number): Promise<void> {
    await Promise.all([this.resources.close(within), this.samples.close(within)]);
  }

  counts(): TelemetryCounts {
    const samples = this.samples.counts();
    const { dropped, written } = samples;
    return {
      resources: this.resources.counts(),
      samples: {
        ...samples,
        written: written - this.beyondLimit,
        dropped: { ...dropped, refused: dropped.refused + this.beyondLimit },
      },
    };
  }

  private async keyedSamples(
    client: Queryable,
    samples: readonly StoredSample[],
  ): Promise<{ key: number; point: StoredSample }[]> {
    const keys = new Map<TenantId, Map<string, number>>();
    for (const [tenantId, own] of byTenant(samples)) {
      const series = own.map((sample) => sample.series);
      keys.set(tenantId, await this.series.admit(client, tenantId, series));
    }
    return samples.flatMap((point) => {
      const key = keys.get(point.tenantId)!.get(seriesKey(point.series));
      return key === undefined ? [] : [{ key, point }];
    });
  }
}

function totalsOf({ buffered, written, dropped }: BatchCounts, beyondLimit = 0): PointTotals {
  const lost = dropped.overflow + dropped.refused + dropped.closed;
  return {
    taken: buffered + written + lost,
    stored: Math.max(0, written - beyondLimit),
    dropped: lost + beyondLimit,
  };
}

function byTenant(samples: readonly StoredSample[]): Map<TenantId, StoredSample[]> {
  const tenants = new Map<TenantId, StoredSample[]>();
  for (const sample of samples) {
    const own = tenants.get(sample.tenantId);
    if (own) own.push(sample);
    else tenants.set(sample.tenantId, [sample]);
  }
  return tenants;
}
