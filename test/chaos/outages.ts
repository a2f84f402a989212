import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/app/embedded-postgres/index.js';
import { eventually } from '../support/eventually.js';
import { runs } from '../support/processes.js';
import { findViolations, type Tally, tally } from './audit.js';
import { findOverlaps } from './overlaps.js';
import { type ChaosWorker } from './replica.js';
import { Replicas } from './replicas.js';

/** Of every worker; also how long after PostgreSQL is back all are to have run again that may have no lease. */
export const INTERVAL = 1_000;

/** Most are quick; one of them is in mid-run at any time. */
const WORKERS: ChaosWorker[] = Array.from({ length: 20 }, (_, i) => ({
  name: `worker-${i}`,
  interval: INTERVAL,
  takes: i < 18 ? 20 : 2_500,
}));

export interface OutageOptions {
  checkout: string;
  /** For the server and for notes. */
  directory: string;
  restarts: number;
  /** How long PostgreSQL stays away after these, milliseconds. */
  stopped: number;
  /** Of every run, milliseconds; default: what fits the workers, which is 1 s. */
  lease?: number | undefined;
  progress?: (restarts: number) => void;
}

export interface Outages {
  /** After each restart, how long it took until every worker had been granted again, milliseconds. */
  resumed: number[];
  violations: string[];
  tally: Tally;
  /** Replicas that ended before they were told to. */
  ended: number;
  /** What all replicas wrote. */
  output: string;
}

/** PostgreSQL restarts under load, by turns in good order and by a crash, and then stays away for a while. */
export async function restartPostgres(options: OutageOptions): Promise<Outages> {
  const { checkout, directory, restarts, stopped, lease, progress } = options;
  const place = { directory: join(directory, 'postgres') };
  let server: EmbeddedPostgres = await startEmbeddedPostgres(place);
  const { port, url } = server;
  const start = async () => (server = await startEmbeddedPostgres({ ...place, settings: { port } }));
  const replicas = await Replicas.prepare({ url, checkout, directory, workers: WORKERS, module: { lease } });
  try {
    await Promise.all([replicas.start(), replicas.start()]);
    const all = [...replicas.running];
    await allGranted(replicas, Date.now());
    const resumed: number[] = [];
    for (let i = 0; i <= restarts; i++) {
      await pass(Math.random() * INTERVAL);
      if (i % 2 === 0) await server.stop();
      else await crash(server);
      const gone = Date.now();
      if (i === restarts) await pass(stopped);
      await start();
      const back = Date.now();
      // Some may be granted before it is known here that the server is there.
      resumed.push(Math.max(0, (await allGranted(replicas, gone)) - back));
      progress?.(i);
    }
    const ended = all.filter((replica) => replica.ended).length;
    await replicas.drainAll();
    return {
      resumed,
      violations: [
        ...(await findViolations(replicas.pool)),
        ...findOverlaps(replicas.notes()).map((overlap) => `an overlap: ${JSON.stringify(overlap)}`),
      ],
      tally: await tally(replicas.pool),
      ended,
      output: all.map(({ output }) => output).join('\n'),
    };
  } finally {
    await replicas.destroy();
    await server.stop();
  }
}

/** @returns when the last one of the quick workers was granted after that instant, by the machine's clock */
async function allGranted({ pool, workers }: Replicas, after: number): Promise<number> {
  const quick = workers.filter(({ takes }) => takes < INTERVAL).map(({ name }) => name);
  return eventually(async () => {
    const { rows } = await pool.query<{ n: number; last: number }>(
      `SELECT count(*)::int AS n, (extract(epoch FROM max(first)) * 1000)::float8 AS last FROM (
         SELECT min(at) AS first FROM chaos.moves WHERE token <> token_before AND at > to_timestamp($1::float8 / 1000) AND worker = ANY ($2)
         GROUP BY worker
       ) AS grants`,
      [after, quick],
    );
    return rows[0]!.n === quick.length && rows[0]!.last;
  }, 60_000);
}

/** As when its machine loses power, but that what was written stays. */
async function crash({ pid }: EmbeddedPostgres): Promise<void> {
  process.kill(pid, 'SIGQUIT');
  await eventually(() => !runs(pid), 60_000);
}
