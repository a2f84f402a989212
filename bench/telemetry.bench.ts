import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { finished } from 'node:stream/promises';
import { BinaryCopy } from '../dist/modules/database/copy-binary.js';
import { copyText } from '../dist/modules/database/copy-text.js';
import { Transactions } from '../dist/modules/database/transaction.js';
import { connect, dataSourceOptions } from '../dist/modules/schema/data-source.js';
import { migrate } from '../dist/modules/schema/migrate.js';
import { PostgresTelemetryStore } from '../dist/modules/telemetry/postgres-telemetry.store.js';
import { type ResourceSnapshot } from '../dist/modules/telemetry/resource-metrics.js';
import { snapshotColumns } from '../dist/modules/telemetry/resource-rows.js';
import { atLeast, type Bench, type BenchResult } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { inTurn, ratio } from './harness/rounds.js';
import { makeSources, readingOf } from './telemetry/readings.js';
import { bytesInVictoriaMetrics } from './telemetry/victoria-metrics.js';

const INSTANCES = 10_000;
const TICKS = 20;
const ROWS = INSTANCES * TICKS;
const BATCH = 5_000;
/** What that fleet needs at an interval of 10 s. */
const NEEDED = INSTANCES / 10;

/** Readings through the store, beside bare COPY of the same rows, made ready before, into the same table. */
export const telemetry: Bench = {
  name: 'telemetry',
  summary: `storing ${ROWS} readings of ${INSTANCES} instances, beside bare COPY into the same indexed, partitioned table`,
  run: (say) => withPostgres((url) => measure(url, say)),
};

async function measure(url: string, say: (line: string) => void): Promise<BenchResult> {
  await migrate(url);
  const dataSource = await connect(dataSourceOptions({ url }));
  const store = new PostgresTelemetryStore(dataSource, new Transactions(dataSource));
  await store.onModuleInit();
  const client = new pg.Client(url);
  await client.connect();
  try {
    const sources = makeSources(INSTANCES);
    // From the next minute on, so that no row is late; the partitions of two hours are there.
    const start = Math.ceil(Date.now() / 60_000) * 60_000;
    const readings = Array.from({ length: TICKS }, (_, tick) =>
      sources.map((source, index) => readingOf(source, index, tick, new Date(start + tick * 10_000))),
    );
    store.addResources(readings[0]!);
    await store.flush();
    const keys = await keysOf(client);
    const columns = snapshotColumns();
    const names = ['source_id', ...columns.map(({ name }) => name)].join(', ');
    const batches = readings.flatMap((tick) =>
      Array.from({ length: INSTANCES / BATCH }, (_, part) => tick.slice(part * BATCH, (part + 1) * BATCH)),
    );
    const texts = batches.map((batch) => textOf(batch, keys, columns));
    const binaries = batches.map((batch) => binaryOf(batch, keys, columns));
    const bare = async (sent: readonly Buffer[], format: string): Promise<void> => {
      for (const bytes of sent) {
        const stream = client.query(copyFrom(`COPY resource_snapshots (${names}) FROM STDIN ${format}`));
        stream.end(bytes);
        await finished(stream);
      }
    };
    const perSecond = (work: () => Promise<void>) => async (): Promise<number> => {
      await client.query('TRUNCATE resource_snapshots');
      const started = performance.now();
      await work();
      const rate = ROWS / ((performance.now() - started) / 1_000);
      const { rows } = await client.query('SELECT count(*)::int AS count FROM resource_snapshots');
      if (rows[0].count !== ROWS) throw new Error(`${rows[0].count} of ${ROWS} readings are stored`);
      return rate;
    };
    const rates = await inTurn(
      { count: 7, warmUp: 2 },
      {
        bare: perSecond(() => bare(texts, '')),
        binary: perSecond(() => bare(binaries, '(FORMAT binary)')),
        store: perSecond(async () => {
          for (const tick of readings) store.addResources(tick);
          await store.flush();
        }),
      },
      say,
    );
    const { rows } = await client.query(
      `SELECT sum(pg_total_relation_size(inhrelid))::float8 / $1 AS bytes FROM pg_inherits WHERE inhparent = 'resource_snapshots'::regclass`,
      [ROWS],
    );
    const victoria = await bytesInVictoriaMetrics(readings, say);
    return {
      ratios: {
        'readings stored / bare COPY': atLeast(0.8, ratio(rates.store, rates.bare)),
        'readings stored / what 10,000 instances need': atLeast(
          20,
          ratio(
            rates.store,
            rates.store.map(() => NEEDED),
          ),
        ),
      },
      measured: {
        'bare COPY': { unit: '/s', samples: rates.bare },
        'bare COPY in the binary format': { unit: '/s', samples: rates.binary },
        'readings stored': { unit: '/s', samples: rates.store },
        'a reading on disk, with indexes': { unit: 'B', samples: [rows[0].bytes] },
        ...(victoria !== undefined && {
          'the same in victoria-metrics': { unit: 'B' as const, samples: [victoria] },
        }),
      },
      notes: [
        `${TICKS} ticks of ${INSTANCES} instances, 10 values and 2 nulls in each reading; bare COPY in batches of ${BATCH}, one at a time. The store sends the binary format too.`,
        'What bare COPY sends was encoded before. The store takes objects, finds the numbers of their instances, encodes, and looks for late rows in the time measured.',
        victoria === undefined
          ? 'victoria-metrics is not installed (on Debian: apt-get install victoria-metrics): its figure is left out.'
          : 'victoria-metrics keeps the same values as series of their own, compressed: its files after a forced flush, divided by the readings.',
      ],
    };
  } finally {
    await client.end();
    await store.onApplicationShutdown();
    await dataSource.destroy();
  }
}

async function keysOf(client: pg.Client): Promise<Map<string, number>> {
  const { rows } = await client.query<{ id: number; instance_id: string }>(
    'SELECT id, instance_id FROM telemetry_sources',
  );
  return new Map(rows.map(({ id, instance_id }) => [instance_id, id]));
}

function binaryOf(
  readings: readonly ResourceSnapshot[],
  keys: Map<string, number>,
  columns: ReturnType<typeof snapshotColumns>,
): Buffer {
  const key = { type: 'integer', value: (row: { key: number }) => row.key };
  const rows = readings.map((point) => ({ key: keys.get(point.instanceId)!, point }));
  return new BinaryCopy<{ key: number; point: ResourceSnapshot }>([key, ...columns]).encode(rows)!;
}

function textOf(
  readings: readonly ResourceSnapshot[],
  keys: Map<string, number>,
  columns: ReturnType<typeof snapshotColumns>,
): Buffer {
  const lines = readings.map((point) => {
    const key = keys.get(point.instanceId)!;
    return `${[key, ...columns.map(({ value }) => copyText(value({ key, point })))].join('\t')}\n`;
  });
  return Buffer.from(lines.join(''));
}
