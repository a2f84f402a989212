// A replica whose worker fans out, to be killed. FAN_OUT is JSON: `url` of the database, `redis` for BullMQ or else pg-boss in that
// database, `shards`, `takes` milliseconds of a shard, `journal`: a file to which each shard adds its item.
// The run begins with a SIGUSR2.
import 'reflect-metadata';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Scheduler, Shard, WorkerModule } from 'ctrlplane-workers';
import { bullMq, pgBoss } from 'ctrlplane-workers/fan-out';
import { postgres } from 'ctrlplane-workers/postgres';

const { url, redis, shards, takes, journal } = JSON.parse(process.env.FAN_OUT);

class Sweep {
  async item(item, { signal, metric, fencingToken }) {
    if (takes > 0) await sleep(takes * Math.random() * 2, undefined, { signal });
    appendFileSync(journal, `${item} ${fencingToken}\n`);
    metric('items', 1);
  }
}
const descriptor = Object.getOwnPropertyDescriptor(Sweep.prototype, 'item');
Shard({ name: 'sweep.item', concurrency: 25, retries: 2, backoff: 100 })(Sweep.prototype, 'item', descriptor);

class App {}
Module({
  imports: [
    WorkerModule.forRoot({
      coordination: postgres({ connectionString: url }),
      fanOut: redis ? bullMq({ connection: redis }) : pgBoss({ connectionString: url }),
      retention: false,
      // 100,000 shards on a busy machine keep the event loop for a while.
      lease: '5s',
    }),
  ],
  providers: [
    Sweep,
    {
      provide: 'worker',
      inject: [Scheduler],
      useFactory: (scheduler) =>
        scheduler.register({
          name: 'sweep',
          interval: { at: new Date('2100-01-01T00:00:00Z') },
          catchUp: true,
          maxAttempts: 10_000,
          backoff: 500,
          run: ({ fanOut }) =>
            fanOut(
              Sweep.prototype.item,
              Array.from({ length: shards }, (_, i) => `item-${i}`),
            ),
        }),
    },
  ],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
// With an empty list Nest shuts down at a SIGUSR2 as well.
app.enableShutdownHooks(['SIGTERM'], { useProcessExit: true });
process.on('SIGUSR2', () => void app.get(Scheduler).reschedule('sweep', { at: new Date(Date.now() + 500) }));
console.log('ready');
