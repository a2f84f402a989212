import pg from 'pg';
import { setTimeout as wait } from 'node:timers/promises';
import { Transactions } from '../dist/modules/database/transaction.js';
import { connect, dataSourceOptions } from '../dist/modules/schema/data-source.js';
import { migrate } from '../dist/modules/schema/migrate.js';
import { RESOURCES } from '../dist/modules/telemetry/point-tables.js';
import { PostgresTelemetryStore } from '../dist/modules/telemetry/postgres-telemetry.store.js';
import { atMost, type Bench, type BenchResult } from './harness/bench.js';
import { startChild } from './harness/child.js';
import { withPostgres } from './harness/postgres.js';

const ROWS = 10_000_000;
const INSTANCES = 10_000;
const HOUR = 3_600_000;
/** How long is measured without retention and rollups, and with them. */
const SPAN = 20_000;

/** A day of ten million readings is dropped and minutes are rolled up, while readings come as fast as they are stored. */
export const telemetryRetention: Bench = {
  name: 'telemetry-retention',
  summary: `a day of ${ROWS / 1e6} million readings dropped, and the longest insert meanwhile, at full ingest`,
  run: (say) => withPostgres((url) => measure(url, say)),
};

async function measure(url: string, say: (line: string) => void): Promise<BenchResult> {
  await migrate(url);
  const dataSource = await connect(dataSourceOptions({ url }));
  const store = new PostgresTelemetryStore(dataSource, new Transactions(dataSource), {
    retention: { raw: '49h' },
  });
  const keeper = new PostgresTelemetryStore(dataSource, new Transactions(dataSource), {
    retention: { raw: '24h' },
  });
  await store.onModuleInit();
  const client = new pg.Client(url);
  await client.connect();
  try {
    say(`making ${ROWS / 1e6} million readings of the day before, which takes minutes`);
    const partitions = await fill(client, store);

    say(`${SPAN / 1_000} s of ingest alone`);
    const alone = await ingest(client, url);
    say(`${SPAN / 1_000} s of ingest while the day is dropped and minutes are rolled up`);
    let dropMs = 0;
    // What has come so far is to be rolled up now, and not in a minute. What comes is of later.
    await client.query(
      `UPDATE telemetry_rollups SET closed_until = date_bin('1 minute', clock_timestamp(), 'epoch') + interval '1 minute'`,
    );
    const during = await ingest(client, url, async () => {
      const rolled = keeper.rollUp();
      const started = performance.now();
      const pass = await keeper.maintain();
      dropMs = performance.now() - started;
      const dropped = pass.dropped.filter(({ name }) => name.startsWith(RESOURCES.raw)).length;
      if (dropped < partitions) throw new Error(`${dropped} of ${partitions} partitions were dropped`);
      await rolled;
    });
    return {
      ratios: {
        'longest insert meanwhile, ms': atMost(100, during.longest),
        'a day dropped, ms': atMost(1_000, dropMs),
      },
      measured: {
        'longest insert, ingest alone': { unit: 'ms', samples: [alone.longest] },
        'longest insert, with retention and rollups': { unit: 'ms', samples: [during.longest] },
        'a day dropped': { unit: 'ms', samples: [dropMs] },
        'ingest alone': { unit: '/s', samples: [alone.rate] },
        'ingest meanwhile': { unit: '/s', samples: [during.rate] },
      },
      notes: [
        `${ROWS / 1e6} million readings with four values each in ${partitions} hourly partitions. The pass also makes partitions ahead, and looks after the rollups and the samples.`,
        'An insert is one of a single row on a connection of its own, every 5 ms, from another process than the readings: what it waits for, others wait for as well. How long it takes by itself beside full ingest is the row above.',
      ],
    };
  } finally {
    await client.end();
    await store.onApplicationShutdown();
    await dataSource.destroy();
  }
}

/** @returns how many partitions there are to drop */
async function fill(client: pg.Client, store: PostgresTelemetryStore): Promise<number> {
  const end = Math.floor(Date.now() / HOUR) * HOUR - 24 * HOUR;
  const perHour = Math.ceil(ROWS / 24);
  for (let hour = end - 24 * HOUR; hour < end; hour += HOUR) {
    await store['rooms'].get(RESOURCES)!.raw.ensure(new Date(hour));
    await client.query(
      `INSERT INTO resource_snapshots (at, source_id, cpu_percent, cpu_seconds, memory_working_set_bytes, memory_limit_bytes)
       SELECT $1::timestamptz + (n / 1000) * interval '1 second', 1000000 + n % 1000, n % 100, n, 5e8, 1e9
         FROM generate_series(0, $2::int - 1) AS n`,
      [new Date(hour), perHour],
    );
  }
  await client.query('CHECKPOINT');
  return 24;
}

/** Lets a process store readings as fast as it takes them, and inserts single rows beside it, for a while. */
async function ingest(
  client: pg.Client,
  url: string,
  beside?: () => Promise<void>,
): Promise<{ longest: number; rate: number }> {
  const probe = new pg.Client(url);
  await probe.connect();
  const { stop } = await startChild(
    new URL('./telemetry/full-ingest.ts', import.meta.url),
    url,
    String(INSTANCES),
    String(beside ? 120_000 : 0),
  );
  try {
    const rows = async (): Promise<number> => {
      const { rows } = await client.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM resource_snapshots WHERE at >= clock_timestamp() - interval '1 hour'`,
      );
      return rows[0]!.count;
    };
    const before = await rows();
    const started = performance.now();
    let isOver = false;
    let longest = 0;
    const probing = (async () => {
      for (let n = 0; !isOver; n++) {
        const sent = performance.now();
        await probe.query(
          'INSERT INTO resource_snapshots (at, source_id, cpu_percent) VALUES (clock_timestamp(), $1, 1)',
          [-1 - (n % 1_000)],
        );
        longest = Math.max(longest, performance.now() - sent);
        await wait(5);
      }
    })();
    await Promise.all([wait(SPAN), beside?.()]);
    const rate = ((await rows()) - before) / ((performance.now() - started) / 1_000);
    isOver = true;
    await probing;
    return { longest, rate };
  } finally {
    stop();
    await probe.end();
  }
}
