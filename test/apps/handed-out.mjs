// A replica of a control plane whose workers hand out what they do, to be killed. REPLICA is JSON: `url` of the database, `redis` for
// BullMQ or else pg-boss in that database; `journal`: a file to which its provider adds what it removes, with this process's id;
// `gate`: a file. While that is not there, each process removes two instances, and says in the journal that it waits.
// A SIGUSR2 starts the worker `gc`.
import 'reflect-metadata';
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import {
  BaseProvider,
  DatabaseModule,
  GarbageCollectorModule,
  ProviderRegistry,
} from 'ctrlplane-workers/control-plane';
import { bullMq, pgBoss } from 'ctrlplane-workers/fan-out';
import { postgres } from 'ctrlplane-workers/postgres';

const { url, redis, journal, gate } = JSON.parse(process.env.REPLICA);
const WITHOUT_GATE = 2;

class JournalProvider extends BaseProvider {
  begun = 0;

  info = () => ({ name: 'memory', description: 'nothing runs there', shared: true });
  storeId = async () => 'the-store';
  list = async () => [];
  provision = async ({ instanceId }) => ({ instanceId, state: 'running', labels: {}, endpoints: [] });
  start = async (instanceId) => ({ instanceId, state: 'running', labels: {}, endpoints: [] });
  stop = async () => {};

  async deprovision(id, signal) {
    await this.pastGate(signal);
    appendFileSync(journal, `removed ${process.pid} ${id}\n`);
  }

  async pastGate(signal) {
    if (existsSync(gate) || ++this.begun <= WITHOUT_GATE) return;
    if (this.begun === WITHOUT_GATE + 1) appendFileSync(journal, `waits ${process.pid}\n`);
    try {
      while (!existsSync(gate)) await sleep(20, undefined, { signal });
    } finally {
      this.begun = 0;
    }
  }
}

class App {}
Module({
  imports: [
    DatabaseModule.forRoot({ url }),
    WorkerModule.forRoot({
      coordination: postgres({ connectionString: url }),
      fanOut: redis ? bullMq({ connection: redis }) : pgBoss({ connectionString: url }),
    }),
    // What is lost stays held, however long this goes on.
    GarbageCollectorModule.forRoot({
      interval: '1d',
      instanceGracePeriod: '1h',
      brake: { confirmAfter: '1d' },
    }),
  ],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
app.get(ProviderRegistry, { strict: false }).register('memory', new JournalProvider());
// With an empty list Nest shuts down at a SIGUSR2 as well.
app.enableShutdownHooks(['SIGTERM'], { useProcessExit: true });
process.on('SIGUSR2', async () => {
  const { ended } = await app.get(Scheduler).trigger('gc');
  // Its replica may be killed, and another one then runs it.
  await ended.catch(() => {});
});
console.log('ready');
