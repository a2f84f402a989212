import type pg from 'pg';
import { type BatchSink } from '../database/batch-sink.js';
import { type OwnPool } from '../database/own-pool.js';
import { PostgresTableSink, type TableColumn } from '../database/postgres-table.sink.js';
import { type TimePartitions } from '../database/time-partitions.js';
import { type PointLedger } from './point-ledger.js';
import { type PointTable } from './rollup.statements.js';
import { markLate } from './late-points.js';

/** A point that knows its series by number. */
export interface KeyedPoint<Point> {
  readonly key: number;
  readonly point: Point;
}

export interface PointSinkOptions<Point extends { at: Date }> {
  table: PointTable;
  columns: readonly TableColumn<KeyedPoint<Point>>[];
  partitions: TimePartitions;
  /** What was taken and stored is entered there. */
  ledger: PointLedger;
  /** Numbers for the series of the points; a point without one is left out. */
  keyed: (client: pg.Pool, points: readonly Point[]) => Promise<KeyedPoint<Point>[]>;
  /** Told how many were left out, once the others of their write are stored. */
  leftOut?: ((points: number) => void) | undefined;
}

const HOUR = 3_600_000;

/**
 * Writes points to a table of raw points: finds their numbers, makes partitions for those of a time that has none (after an
 * outage), and marks those that come after their window was rolled up.
 */
export class PointSink<Point extends { at: Date }> implements BatchSink<Point> {
  private readonly table: PostgresTableSink<KeyedPoint<Point>>;

  constructor(
    private readonly connections: OwnPool,
    private readonly options: PointSinkOptions<Point>,
  ) {
    const { table, columns } = options;
    this.table = new PostgresTableSink(connections, {
      table: table.raw,
      columns: [{ name: table.key, type: 'integer', value: ({ key }) => key }, ...columns],
      method: 'binary copy',
      onConflict: 'DO NOTHING',
    });
  }

  async write(points: readonly Point[], signal: AbortSignal): Promise<void> {
    const keyed = await this.options.keyed(this.connections.pool, points);
    if (keyed.length > 0) await this.store(keyed, signal);
    if (keyed.length < points.length) this.options.leftOut?.(points.length - keyed.length);
  }

  close(): Promise<void> {
    return this.table.close();
  }

  private async store(keyed: readonly KeyedPoint<Point>[], signal: AbortSignal): Promise<void> {
    const { table, partitions, ledger } = this.options;
    const { hours, earliest } = spanOf(keyed);
    // What is beyond what is kept gets no partition, and is refused by the table.
    for (const hour of hours) await partitions.ensure(new Date(hour), new Date(hour), signal);
    await this.table.write(keyed, signal, async (client) => {
      await markLate(client, table, keyed, earliest);
      await ledger.stores(client, keyed.length);
    });
  }
}

/** Points of a batch are far apart in memory: a second look at each of their instants took as long as a tenth of its write. */
function spanOf(points: readonly KeyedPoint<{ at: Date }>[]): { hours: Set<number>; earliest: number } {
  const hours = new Set<number>();
  let latest = NaN;
  let earliest = Infinity;
  for (const { point } of points) {
    // And not `+at`, which takes twenty times as long.
    const instant = point.at.getTime();
    if (instant < earliest) earliest = instant;
    const hour = instant - (instant % HOUR);
    if (hour !== latest) hours.add((latest = hour));
  }
  return { hours, earliest };
}
