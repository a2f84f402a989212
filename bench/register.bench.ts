import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import pg from 'pg';
import { Scheduler, WorkerModule } from '../dist/core/index.js';
import { postgres } from '../dist/core/postgres/index.js';
import { atMost, type Bench } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { inTurn } from './harness/rounds.js';

const WORKERS = 10_000;
/** Registered in one turn of the event loop, as an application does that reads them page by page. */
const PAGE = 100;
const LONGEST_STALL = 50;
const ENROLLED_WITHIN = 10_000;

interface Took {
  /** The longest time that the event loop did not come round. */
  readonly stall: number;
  /** Until every worker waits for its slot. */
  readonly all: number;
}

async function registering(database?: { url: string; schema: string }): Promise<Took> {
  const coordination = database && postgres({ connectionString: database.url, schema: database.schema });
  class AppModule {}
  Module({ imports: [WorkerModule.forRoot({ ...(coordination && { coordination }) })] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  const scheduler = app.get(Scheduler);
  const client = new pg.Client({ connectionString: database?.url });
  if (database) await client.connect();
  const known = async (): Promise<number> => {
    if (!database) return scheduler.workers().length;
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${database.schema}.workers WHERE name LIKE 'tenant-%'`,
    );
    return rows[0]!.count;
  };
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const started = performance.now();
  for (let i = 0; i < WORKERS; i += PAGE) {
    for (let k = i; k < i + PAGE; k++)
      scheduler.register({ name: `tenant-${k}`, interval: '1d', run: () => {} });
    await new Promise((resolve) => setImmediate(resolve));
  }
  while ((await known()) < WORKERS) await new Promise((resolve) => setTimeout(resolve, 50));
  const all = performance.now() - started;
  delay.disable();
  await client.end();
  await app.close();
  return { stall: delay.max / 1e6, all };
}

export const register: Bench = {
  name: 'register',
  summary: `${WORKERS} workers registered at run time in a cluster on Postgres, beside as many in memory`,
  async run(say) {
    let round = 0;
    const { cluster, memory } = await withPostgres((url) =>
      inTurn(
        { count: 3, warmUp: 1 },
        {
          cluster: () => registering({ url, schema: `register_${++round}` }),
          memory: () => registering(),
        },
        say,
      ),
    );
    const worst = (rounds: Took[], figure: keyof Took) => Math.max(...rounds.map((r) => r[figure]));
    const row = (rounds: Took[], figure: keyof Took) => ({
      unit: 'ms' as const,
      samples: rounds.map((r) => r[figure]),
    });
    return {
      ratios: {
        'longest stall of the event loop in a cluster / 50 ms': atMost(
          1,
          worst(cluster, 'stall') / LONGEST_STALL,
        ),
        'until all are enrolled / 10 s': atMost(1, worst(cluster, 'all') / ENROLLED_WITHIN),
      },
      measured: {
        'longest stall: cluster': row(cluster, 'stall'),
        'longest stall: in memory': row(memory, 'stall'),
        'all registered: cluster': row(cluster, 'all'),
        'all registered: in memory': row(memory, 'all'),
      },
      notes: [`Registered ${PAGE} in a turn of the event loop. The worst of the rounds counts.`],
    };
  },
};
