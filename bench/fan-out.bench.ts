import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import pLimit from 'p-limit';
import { bullMq, type FanOutEngine, pgBoss } from '../dist/core/fan-out/index.js';
import { Scheduler, Shard, WorkerModule } from '../dist/core/index.js';
import { atLeast, atMost, type Bench } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { redisClient, withRedis } from './harness/redis.js';
import { inTurn, median, ratio, timed } from './harness/rounds.js';

const SHARDS = 20_000;
const LOCAL_SHARDS = 100_000;
const CONCURRENCY = 50;
const BATCH = 1_000;

/** Calls `work` with what runs one fan-out, of an application with that engine. */
async function withApp<T>(
  engine: FanOutEngine | undefined,
  work: (fanOut: (shards: number) => Promise<void>) => Promise<T>,
): Promise<T> {
  let calls = 0;
  class Shards {
    async shard(_item: number) {
      calls++;
    }
  }
  // tsx compiles no decorators of parameters and methods as TypeScript does.
  const shard = Object.getOwnPropertyDescriptor(Shards.prototype, 'shard') as TypedPropertyDescriptor<
    Shards['shard']
  >;
  Shard({ concurrency: CONCURRENCY })(Shards.prototype, 'shard', shard);
  class AppModule {}
  Module({ imports: [WorkerModule.forRoot({ ...(engine && { fanOut: engine }) })], providers: [Shards] })(
    AppModule,
  );
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  app.get(Scheduler).register({
    name: 'fan_out',
    interval: 0,
    run: async ({ fanOut, payload }) => {
      const items = Array.from({ length: payload as number }, (_, i) => i);
      await fanOut(Shards.prototype.shard, items);
    },
  });
  try {
    return await work(async (shards) => {
      const before = calls;
      const { ended } = await app.get(Scheduler).trigger('fan_out', shards);
      const run = await ended;
      if (run.outcome !== 'succeeded' || run.shards?.done !== shards || calls - before < shards)
        throw new Error(`not all shards were run: ${JSON.stringify(run)}`);
    });
  } finally {
    await app.close();
  }
}

/** Milliseconds for as many jobs of BullMQ alone. */
async function bareBullMq(url: string): Promise<number> {
  const { Queue, Worker } = await import('./peers/bullmq.js');
  const connection = await redisClient(url, { maxRetriesPerRequest: null });
  const name = randomUUID();
  const queue = new Queue(name, { connection });
  let done = 0;
  let all = (): void => {};
  const ended = new Promise<void>((resolve) => (all = resolve));
  const worker = new Worker(
    name,
    async () => {
      if (++done === SHARDS) all();
    },
    { connection, concurrency: CONCURRENCY, removeOnComplete: { count: 0 } },
  );
  const took = await timed(async () => {
    for (let from = 0; from < SHARDS; from += BATCH)
      await queue.addBulk(
        Array.from({ length: BATCH }, (_, i) => ({ name: 'shard', data: { index: from + i } })),
      );
    await ended;
  });
  await worker.close();
  await queue.close();
  connection.disconnect();
  return took;
}

/** The same of pg-boss, in batches. */
async function barePgBoss(url: string): Promise<number> {
  const { PgBoss } = await import('./peers/pg-boss.js');
  const boss = new PgBoss({ connectionString: url, schema: 'bare', schedule: false, max: 5 });
  boss.on('error', () => {});
  await boss.start();
  const name = randomUUID();
  await boss.createQueue(name);
  let done = 0;
  let all = (): void => {};
  const ended = new Promise<void>((resolve) => (all = resolve));
  await boss.work(
    name,
    { batchSize: CONCURRENCY, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true },
    async (jobs) => {
      done += jobs.length;
      if (done >= SHARDS) all();
    },
  );
  const took = await timed(async () => {
    for (let from = 0; from < SHARDS; from += BATCH)
      await boss.insert(
        name,
        Array.from({ length: BATCH }, (_, i) => ({ data: { index: from + i } })),
      );
    await ended;
  });
  await boss.stop({ graceful: false });
  return took;
}

async function barePLimit(): Promise<number> {
  const limit = pLimit(CONCURRENCY);
  let calls = 0;
  const took = await timed(() =>
    Promise.all(
      Array.from({ length: LOCAL_SHARDS }, (_, i) =>
        limit(async (item: number) => {
          if (item >= 0) calls++;
        }, i),
      ),
    ),
  );
  if (calls !== LOCAL_SHARDS) throw new Error(`${calls} calls`);
  return took;
}

export const fanOut: Bench = {
  name: 'fan-out',
  summary: `shards of a run that do nothing: through BullMQ and pg-boss beside these alone, in the process beside p-limit`,
  peers: true,
  plotted: ['measured'],
  async run(say) {
    const rounds = { count: 7, warmUp: 1 };
    const perSecond = (samples: readonly number[]) => samples.map((ms) => (SHARDS / ms) * 1_000);
    const each = (samples: readonly number[]) => samples.map((ms) => (ms / LOCAL_SHARDS) * 1_000);

    const local = await withApp(undefined, (fan) =>
      inTurn(
        { count: 5, warmUp: 1 },
        { bare: barePLimit, ours: () => timed(() => fan(LOCAL_SHARDS)) },
        (line) => say(`in the process: ${line}`),
      ),
    );
    const redis = await withRedis(({ url }) =>
      withApp(bullMq({ connection: url }), (fan) =>
        inTurn(rounds, { bare: () => bareBullMq(url), ours: () => timed(() => fan(SHARDS)) }, (line) =>
          say(`BullMQ: ${line}`),
        ),
      ),
    );
    const postgres = await withPostgres((url) =>
      withApp(pgBoss({ connectionString: url }), (fan) =>
        inTurn(rounds, { bare: () => barePgBoss(url), ours: () => timed(() => fan(SHARDS)) }, (line) =>
          say(`pg-boss: ${line}`),
        ),
      ),
    );
    const above = each(local.ours).map((ours, round) => ours - each(local.bare)[round]!);
    return {
      ratios: {
        'shards/s through BullMQ / jobs/s of BullMQ': atLeast(0.8, ratio(redis.bare, redis.ours)),
        'shards/s through pg-boss / jobs/s of pg-boss': atLeast(0.8, ratio(postgres.bare, postgres.ours)),
        'a shard in the process, µs above p-limit': atMost(2, median(above)),
      },
      measured: {
        'BullMQ alone': { unit: '/s', samples: perSecond(redis.bare) },
        'through BullMQ': { unit: '/s', samples: perSecond(redis.ours) },
        'pg-boss alone': { unit: '/s', samples: perSecond(postgres.bare) },
        'through pg-boss': { unit: '/s', samples: perSecond(postgres.ours) },
        'p-limit, each': { unit: 'µs', samples: each(local.bare) },
        'in the process, each': { unit: 'µs', samples: each(local.ours) },
      },
      notes: [
        `${SHARDS} shards through the engines and ${LOCAL_SHARDS} in the process, ${CONCURRENCY} at a time, one replica`,
        'pg-boss alone: `work` with batches of the same size, which takes the next when the slowest job of the last has ended',
      ],
    };
  },
};
