// A replica of a control plane whose workers hand out what they do, to be killed. REPLICA is JSON: `worker` that it has, `url` of the
// database, `redis` for BullMQ or else pg-boss in that database; `journal`: a file to which it adds what its provider does, with this
// process's id; `gate`: a file. While that is not there, each process does two things of a pass, and says in the journal that it
// waits. A SIGUSR2 starts the worker.
import 'reflect-metadata';
import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RunContext, RunInterceptors, Scheduler, WorkerModule } from 'ctrlplane-workers';
import {
  BaseProvider,
  DatabaseModule,
  GarbageCollectorModule,
  ProviderRegistry,
  ReconcilerModule,
  TelemetryCollectorModule,
} from 'ctrlplane-workers/control-plane';
import { bullMq, pgBoss } from 'ctrlplane-workers/fan-out';
import { postgres } from 'ctrlplane-workers/postgres';

const { worker, url, redis, journal, gate } = JSON.parse(process.env.REPLICA);
const WITHOUT_GATE = 2;

const STORE = `${journal}-store`;
mkdirSync(STORE, { recursive: true });

const tell = (word, ...more) => appendFileSync(journal, `${[word, process.pid, ...more].join(' ')}\n`);
const running = (instanceId) => ({ instanceId, state: 'running', labels: {}, endpoints: [] });

/** Its store is a folder that all replicas reach. */
class JournalProvider extends BaseProvider {
  begun = 0;

  info = () => ({ name: 'memory', description: 'nothing runs there', shared: true });
  storeId = async () => 'the-store';
  list = async () => readdirSync(STORE).map(running);
  start = async (instanceId) => running(instanceId);
  stop = async () => {};

  async provision({ instanceId }, signal) {
    // Others than those of the pass are not to wait.
    if (RunContext.current()?.shard) await this.pastGate(signal);
    writeFileSync(`${STORE}/${instanceId}`, '');
    tell('provisioned', instanceId);
    return running(instanceId);
  }

  async deprovision(id, signal) {
    await this.pastGate(signal);
    rmSync(`${STORE}/${id}`, { force: true });
    tell('removed', id);
  }

  async pastGate(signal) {
    if (existsSync(gate) || ++this.begun <= WITHOUT_GATE) return;
    if (this.begun === WITHOUT_GATE + 1) tell('waits');
    try {
      while (!existsSync(gate)) await sleep(20, undefined, { signal });
    } finally {
      this.begun = 0;
    }
  }
}

const MODULES = {
  // What is lost stays held, however long this goes on.
  gc: () =>
    GarbageCollectorModule.forRoot({
      interval: '1d',
      instanceGracePeriod: '1h',
      brake: { confirmAfter: '1d' },
    }),
  reconciler: () => ReconcilerModule.forRoot({ interval: '2s' }),
  telemetry_collector: () =>
    TelemetryCollectorModule.forRoot({
      interval: '1d',
      spread: 0,
      timeout: '1m',
      scrape: { egress: { allow: ['127.0.0.1'] } },
    }),
};

class App {}
Module({
  imports: [
    DatabaseModule.forRoot({ url }),
    WorkerModule.forRoot({
      coordination: postgres({ connectionString: url }),
      fanOut: redis ? bullMq({ connection: redis }) : pgBoss({ connectionString: url }),
    }),
    MODULES[worker](),
  ],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
app.get(ProviderRegistry, { strict: false }).register('memory', new JournalProvider());
// The endpoints wait, and not this process: it has begun.
if (worker === 'telemetry_collector')
  app.get(RunInterceptors).add({
    intercept(context, next) {
      if (context.shard && !existsSync(gate)) tell('waits');
      return next();
    },
  });
// With an empty list Nest shuts down at a SIGUSR2 as well.
app.enableShutdownHooks(['SIGTERM'], { useProcessExit: true });
process.on('SIGUSR2', async () => {
  const { ended } = await app.get(Scheduler).trigger(worker);
  // Its replica may be killed, and another one then runs it.
  await ended.catch(() => {});
});
console.log('ready');
