import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type Served } from './dashboard/child.js';
import { WORKERS } from './dashboard/size.js';
import { atMost, type Bench } from './harness/bench.js';
import { startChild } from './harness/child.js';
import { withPostgres } from './harness/postgres.js';
import { inTurn, ratio, timed } from './harness/rounds.js';

const CHILD = new URL('./dashboard/child.ts', import.meta.url);
const ASSETS = fileURLToPath(new URL('../dist/page/assets/', import.meta.url));
/** Requests of a round, one after the other. */
const REQUESTS = 100;
const MOST_BYTES = 70_000;

export const dashboard: Bench = {
  name: 'dashboard',
  summary: `GET /workers for ${WORKERS} workers beside a bare Nest endpoint that returns the same JSON`,
  run: (say) =>
    withPostgres(async (database) => {
      const memory = await startChild<Served>(CHILD);
      const cluster = await startChild<Served>(CHILD, database);
      try {
        const rounds = await inTurn(
          { count: 15, warmUp: 3 },
          {
            memory: () => ask(memory.found, 'workers'),
            memoryBare: () => ask(memory.found, 'bare'),
            cluster: () => ask(cluster.found, 'workers'),
            clusterBare: () => ask(cluster.found, 'bare'),
          },
          say,
        );
        const bytes = await gzipped();
        return {
          ratios: {
            'GET /workers in one process / bare': atMost(2, ratio(rounds.memory, rounds.memoryBare)),
            'GET /workers of the cluster / bare': atMost(2, ratio(rounds.cluster, rounds.clusterBare)),
            'page / 70 kB gzip': atMost(1, bytes / MOST_BYTES),
          },
          measured: {
            'GET /workers, in one process': { unit: 'ms', samples: rounds.memory },
            'GET /workers, of the cluster': { unit: 'ms', samples: rounds.cluster },
            'bare endpoint': { unit: 'ms', samples: rounds.memoryBare },
            'assets of the page, gzip': { unit: 'B', samples: [bytes] },
          },
          notes: [
            `Milliseconds of one request, the mean of ${REQUESTS} one after the other; driver and server in processes of their own.`,
            'Of the cluster: each request asks PostgreSQL whether a record has changed, and for those that have.',
          ],
        };
      } finally {
        memory.stop();
        cluster.stop();
      }
    }),
};

/** Milliseconds of one request. */
async function ask({ url }: Served, path: string): Promise<number> {
  const took = await timed(async () => {
    for (let n = 0; n < REQUESTS; n++) {
      const answer = await fetch(`${url}/${path}`);
      const text = await answer.text();
      if (answer.status !== 200 || text.length < 50_000) throw new Error(`${path}: ${answer.status} ${text}`);
    }
  });
  return took / REQUESTS;
}

async function gzipped(): Promise<number> {
  const sizes = (await readdir(ASSETS)).map(async (name) => gzipSync(await readFile(ASSETS + name)).length);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
