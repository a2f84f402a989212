import pg from 'pg';
import { Transactions } from '../dist/modules/database/transaction.js';
import { connect, dataSourceOptions } from '../dist/modules/schema/data-source.js';
import { migrate } from '../dist/modules/schema/migrate.js';
import { RESOURCES } from '../dist/modules/telemetry/point-tables.js';
import { PostgresTelemetryStore } from '../dist/modules/telemetry/postgres-telemetry.store.js';
import { fromPoints } from '../dist/modules/telemetry/rollup.statements.js';
import { atLeast, type Bench, type BenchResult } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { inTurn, median, ratio, timed } from './harness/rounds.js';
import { makeSources } from './telemetry/readings.js';

/** A tenth of the fleet: with all of it a round would take an hour to fill, and rows of an instance are as far apart. */
const INSTANCES = 1_000;
const HOURS = 24;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DASHBOARDS = 50;
/** Of a sample, each of another instance: of a single one of a few ms most is what the machine does besides. */
const RAW_QUERIES = 3;
const ROLLUP_QUERIES = 30;

export const telemetryQuery: Bench = {
  name: 'telemetry-query',
  summary: `${HOURS} h of one instance among ${INSTANCES}: the average of each minute, from rollups and from the readings`,
  run: (say) => withPostgres((url) => measure(url, say)),
};

async function measure(url: string, say: (line: string) => void): Promise<BenchResult> {
  await migrate(url);
  const dataSource = await connect(dataSourceOptions({ url }));
  const store = new PostgresTelemetryStore(dataSource, new Transactions(dataSource), {
    retention: { raw: '26h' },
  });
  await store.onModuleInit();
  const client = new pg.Client(url);
  await client.connect();
  try {
    const sources = makeSources(INSTANCES);
    const until = Math.floor(Date.now() / HOUR) * HOUR;
    const since = until - HOURS * HOUR;
    say(`making ${(INSTANCES * HOURS * 360) / 1e6} million readings and their rollups, which takes minutes`);
    await fill(client, store, sources, since, until);
    await client.query('VACUUM ANALYZE');

    let turn = 0;
    const column = RESOURCES.columns.filter(({ name }) => name === 'cpu_percent');
    const range = {
      since: new Date(since),
      until: new Date(until),
      step: MINUTE,
      aggregation: 'avg' as const,
    };
    const one = () => sources[(turn++ * 7_919) % INSTANCES]!;
    const points = fromPoints(RESOURCES, column, {
      from: '$1::timestamptz', to: '$2::timestamptz', step: `interval '1 minute'`, keys: '$3::int[]',
    }); // prettier-ignore
    const fromRaw = `SELECT at, cpu_percent_sum, cpu_percent_count, restarts FROM (${points}) AS windows`;
    const raw = async (): Promise<void> => {
      const { tenantId, instanceId } = one();
      const { rows: [source] } = await client.query(
        'SELECT id FROM telemetry_sources WHERE tenant_id = $1 AND instance_id = $2', [tenantId, instanceId],
      ); // prettier-ignore
      const { rows } = await client.query(fromRaw, [range.since, range.until, [source.id]]);
      if (rows.length !== HOURS * 60) throw new Error(`${rows.length} windows from the readings`);
    };
    const rollups = async (): Promise<void> => {
      const { tenantId, instanceId } = one();
      const windows = await store.resourceWindows(tenantId, instanceId, ['cpuPercent'], range);
      if (windows.get('cpuPercent')!.length !== HOURS * 60)
        throw new Error(`${windows.get('cpuPercent')!.length} windows from the rollups`);
    };
    const meanOf = (queries: number, query: () => Promise<void>) => async (): Promise<number> => {
      const all = await timed(async () => {
        for (let n = 0; n < queries; n++) await query();
      });
      return all / queries;
    };
    const took = await inTurn(
      { count: 15, warmUp: 3 },
      { raw: meanOf(RAW_QUERIES, raw), rollups: meanOf(ROLLUP_QUERIES, rollups) },
      say,
    );
    const dashboards: number[] = [];
    for (let n = 0; n < DASHBOARDS; n++)
      dashboards.push(
        await timed(async () => {
          const found = await store.latestResources(sources[n % 100]!.tenantId, {
            since: new Date(until - 2 * MINUTE),
            limit: 1_000,
          });
          if (found.length !== INSTANCES / 100) throw new Error(`${found.length} instances on the dashboard`);
        }),
      );
    const latest: number[] = [];
    for (let n = 0; n < DASHBOARDS; n++)
      latest.push(
        await timed(async () => {
          const { tenantId, instanceId } = one();
          const since = new Date(until - 2 * MINUTE);
          const found = await store.latestResources(tenantId, { since, instanceIds: [instanceId], limit: 1 });
          if (found.length !== 1) throw new Error('no current reading of an instance');
        }),
      );
    const p95 = (samples: number[]) => samples.toSorted((a, b) => a - b)[Math.floor(DASHBOARDS * 0.95)]!;
    return {
      ratios: { 'from readings / from rollups': atLeast(20, ratio(took.raw, took.rollups)) },
      measured: {
        'from readings': { unit: 'ms', samples: took.raw },
        'from rollups': { unit: 'ms', samples: took.rollups },
        'dashboard of a tenant, p95': { unit: 'ms', samples: [p95(dashboards)] },
        'current resources of an instance, p95': { unit: 'ms', samples: [p95(latest)] },
      },
      notes: [
        `${INSTANCES} instances and not 10,000: each has a row in another page all the same.`,
        `Each sample is the mean of ${RAW_QUERIES} queries of readings, or of ${ROLLUP_QUERIES} of rollups, one after the other.`,
        `Both find the instance by its tenant and id first. The dashboard shows ${INSTANCES / 100} instances; its median was ${median(dashboards).toFixed(1)} ms.`,
      ],
    };
  } finally {
    await client.end();
    await store.onApplicationShutdown();
    await dataSource.destroy();
  }
}

async function fill(
  client: pg.Client,
  store: PostgresTelemetryStore,
  sources: ReturnType<typeof makeSources>,
  since: number,
  until: number,
): Promise<void> {
  await client.query(
    `INSERT INTO telemetry_sources (tenant_id, instance_id) SELECT * FROM unnest($1::text[], $2::text[])`,
    [sources.map(({ tenantId }) => tenantId), sources.map(({ instanceId }) => instanceId)],
  );
  await client.query(
    `UPDATE telemetry_rollups SET closed_until = $1, minutes_until = $1, hours_until = $1, ordered_until = $1`,
    [new Date(since)],
  );
  for (let hour = since; hour < until; hour += HOUR) {
    await store['rooms'].get(RESOURCES)!.raw.ensure(new Date(hour));
    await client.query(
      `INSERT INTO resource_snapshots (at, source_id, started_at, cpu_percent, cpu_seconds, memory_working_set_bytes,
         memory_limit_bytes, io_read_bytes, io_write_bytes, oom_kills)
       SELECT at, id, $1::timestamptz - interval '1 day', random() * 100, extract(epoch FROM at - $1::timestamptz), 5e8 + random() * 1e8,
              1e9, 1e6, 2e6, 0
         FROM generate_series($2::timestamptz, $3::timestamptz - interval '10 seconds', interval '10 seconds') AS at, telemetry_sources
        ORDER BY at`,
      [new Date(since), new Date(hour), new Date(hour + HOUR)],
    );
  }
  await store.rollUp();
}
