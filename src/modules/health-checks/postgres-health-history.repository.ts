import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type Duration, parseDuration } from '../../core/timing/duration.js';
import { BatchWriter } from '../database/batch-writer.js';
import { ownPool } from '../database/own-pool.js';
import { pageLimit } from '../database/page.js';
import { PostgresTableSink, type TableColumn } from '../database/postgres-table.sink.js';
import { storableText } from '../database/text.js';
import { TimePartitions } from '../database/time-partitions.js';
import { type HealthCheckId, parseId } from '../ids/typed-id.js';
import { type HealthResult, type ProbeOutcome } from './health-check.js';
import {
  emptyCounts,
  type HealthCounts,
  HealthHistoryRepository,
  type HistoryQuery,
  type HistoryWriter,
} from './health-history.repository.js';
import { COUNTS, ROLL_UP_HOURS, ROLL_UP_MINUTES } from './health-history.statements.js';
import { addToHistogram } from './latency-histogram.js';

/** By their number in the table. */
export const OUTCOMES: readonly ProbeOutcome[] = ['success', 'degraded', 'failure', 'unknown'];

export interface HistoryOptions {
  /** How long each result is kept, 1 to 168 hours. Default 6 h. */
  keepResults?: Duration | undefined;
  /** Most bytes of results; beyond, the oldest go. Default 8 GB. */
  maxBytes?: number | undefined;
}

const HOUR = 3_600_000;
const KEEP_MINUTES = 50 * HOUR;
const KEEP_HOURS = 36 * 24 * HOUR;

const COLUMNS: readonly TableColumn<HealthResult>[] = [
  { name: 'check_id', type: 'text', value: ({ checkId }) => checkId },
  { name: 'due_at', type: 'timestamptz', value: ({ dueAt }) => dueAt },
  { name: 'started_at', type: 'timestamptz', value: ({ startedAt }) => startedAt },
  { name: 'outcome', type: 'smallint', value: ({ outcome }) => OUTCOMES.indexOf(outcome) },
  { name: 'maintenance', type: 'boolean', value: ({ maintenance }) => maintenance },
  { name: 'duration_ms', type: 'real', value: ({ duration }) => rounded(duration) },
  { name: 'lookup_ms', type: 'real', value: ({ phases }) => rounded(phases?.lookup) },
  { name: 'connect_ms', type: 'real', value: ({ phases }) => rounded(phases?.connect) },
  { name: 'tls_ms', type: 'real', value: ({ phases }) => rounded(phases?.tls) },
  { name: 'first_byte_ms', type: 'real', value: ({ phases }) => rounded(phases?.firstByte) },
  { name: 'body_ms', type: 'real', value: ({ phases }) => rounded(phases?.body) },
  { name: 'message', type: 'text', value: ({ message }) => storableText(message) },
];

interface Row {
  check_id: HealthCheckId;
  due_at: Date;
  started_at: Date;
  outcome: number;
  maintenance: boolean;
  duration_ms: number;
  lookup_ms: number | null;
  connect_ms: number | null;
  tls_ms: number | null;
  first_byte_ms: number | null;
  body_ms: number | null;
  message: string | null;
}

@Injectable()
export class PostgresHealthHistoryRepository extends HealthHistoryRepository {
  private readonly partitions: readonly TimePartitions[];

  constructor(
    private readonly dataSource: DataSource,
    { keepResults = '6h', maxBytes = 8_000_000_000 }: HistoryOptions = {},
  ) {
    super();
    const keep = parseDuration(keepResults);
    this.partitions = [
      new TimePartitions(dataSource, { table: 'health_results', width: '1h', keep, maxBytes }),
      new TimePartitions(dataSource, { table: 'health_minutes', width: '4h', keep: KEEP_MINUTES }),
      new TimePartitions(dataSource, { table: 'health_hours', width: '3d', keep: KEEP_HOURS }),
    ];
  }

  async maintain(signal?: AbortSignal): Promise<void> {
    const now = Date.now();
    // Also for what is still to be written or rolled up: results of the last hour, their minutes, those minutes' hours.
    for (const [i, back] of [HOUR, KEEP_MINUTES - HOUR, KEEP_MINUTES].entries())
      await this.partitions[i]!.makeFor(new Date(now - back), new Date(now + 7 * 24 * HOUR), signal);
    await this.dataSource.query(ROLL_UP_MINUTES);
    await this.dataSource.query(ROLL_UP_HOURS);
    // Last: what is dropped has been rolled up.
    for (const partitions of this.partitions) await partitions.maintain(signal);
  }

  writer(): HistoryWriter {
    const sink = new PostgresTableSink(ownPool(this.dataSource, 1), {
      table: 'health_results',
      columns: COLUMNS,
      onConflict: 'DO NOTHING',
      method: 'binary copy',
    });
    const writer = new BatchWriter<HealthResult>(sink, { what: 'health results', flushAfter: 500 });
    return {
      add: (results) => writer.addAll(results),
      flush: () => writer.flush(),
      counts: () => {
        const { buffered, written, dropped } = writer.counts();
        return { buffered, written, lost: dropped.overflow + dropped.refused + dropped.closed };
      },
      close: async (within) => void (await writer.close(within)),
    };
  }

  async recent(
    checkIds: readonly HealthCheckId[],
    { limit, before }: HistoryQuery = {},
  ): Promise<HealthResult[]> {
    const rows = await this.dataSource.query<Row[]>(
      `SELECT r.* FROM unnest($1::text[]) AS c (id) CROSS JOIN LATERAL (
         SELECT * FROM health_results
         WHERE check_id = c.id AND ($2::timestamptz IS NULL OR due_at < $2) ORDER BY due_at DESC LIMIT $3) AS r
       ORDER BY r.due_at DESC, r.check_id LIMIT $3`,
      [checkIds.map((id) => parseId('healthCheck', id)), before ?? null, pageLimit(limit)],
    );
    return rows.map(resultOf);
  }

  async latest(checkIds: readonly HealthCheckId[]): Promise<Map<HealthCheckId, HealthResult>> {
    const rows = await this.dataSource.query<Row[]>(
      `SELECT r.* FROM unnest($1::text[]) AS c (id) CROSS JOIN LATERAL (
         SELECT * FROM health_results WHERE check_id = c.id ORDER BY due_at DESC LIMIT 1) AS r`,
      [checkIds],
    );
    return new Map(rows.map((row) => [row.check_id, resultOf(row)]));
  }

  async counts(checkId: HealthCheckId, within: number): Promise<HealthCounts> {
    const rows = await this.dataSource.query<
      (Omit<HealthCounts, 'latency'> & { buckets: number[]; counts: number[] })[]
    >(COUNTS, [parseId('healthCheck', checkId), within]);
    const sum = emptyCounts();
    for (const row of rows) {
      for (const key of ['success', 'degraded', 'failure', 'unknown', 'maintenance'] as const)
        sum[key] += row[key];
      row.buckets.forEach((bucket, i) => addToHistogram(sum.latency, bucket, row.counts[i]!));
    }
    return sum;
  }
}

/** Microseconds are enough, and half the bytes on the way. */
function rounded(milliseconds: number | undefined): number | null {
  return milliseconds === undefined ? null : Math.round(milliseconds * 1_000) / 1_000;
}

function resultOf(row: Row): HealthResult {
  const phases = {
    lookup: row.lookup_ms,
    connect: row.connect_ms,
    tls: row.tls_ms,
    firstByte: row.first_byte_ms,
    body: row.body_ms,
  };
  return {
    checkId: row.check_id,
    dueAt: row.due_at,
    startedAt: row.started_at,
    outcome: OUTCOMES[row.outcome] ?? 'unknown',
    maintenance: row.maintenance,
    duration: row.duration_ms,
    phases: Object.fromEntries(Object.entries(phases).filter(([, value]) => value !== null)),
    message: row.message ?? '',
  };
}
