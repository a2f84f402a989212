// An application with isolated workers. It does what its parent says, and answers with the record of the run.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RunRecorder, Scheduler, WorkerModule } from 'ctrlplane-workers';
import { postgres } from 'ctrlplane-workers/postgres';
import { HeavyModule } from './heavy.module.mjs';

const options = JSON.parse(process.env.ISOLATION ?? '{}');

class AppModule {}
Module({
  imports: [
    HeavyModule,
    WorkerModule.forRoot({
      isolation: { module: new URL('./heavy.module.mjs', import.meta.url), grace: '30s', ...options },
      ...(process.env.DATABASE_URL && {
        coordination: postgres({ connectionString: process.env.DATABASE_URL }),
      }),
      drain: { timeout: '500ms', abortGrace: '500ms' },
    }),
  ],
})(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { abortOnError: false }).catch((error) => {
  console.error(error.message);
  process.exit(3);
});
app.enableShutdownHooks();
const scheduler = app.get(Scheduler);
const recorder = app.get(RunRecorder);

const commands = {
  /** @param cancel whether to cancel it when it has reported progress */
  async run({ worker, payload, cancel }) {
    const handle = await scheduler.trigger(worker, payload, { actor: 'tester' });
    if (cancel) {
      while (!scheduler.workerByName(worker).progress)
        await new Promise((resolve) => setTimeout(resolve, 10));
      await scheduler.cancel(handle.runId, { reason: 'enough' });
    }
    const run = await handle.ended;
    const [whole] = await recorder.find({ id: run.id, limit: 1, withLog: true });
    return whole;
  },
  async cancel({ worker }) {
    const [run] = await recorder.find({ worker, outcomes: ['running'], limit: 1 });
    await scheduler.cancel(run.id);
  },
  async worker({ worker }) {
    return scheduler.workerByName(worker);
  },
  /** With payloads that cannot be sent to here. */
  async runUnserialisable({ worker }) {
    const cyclic = {};
    cyclic.self = cyclic;
    const errors = [];
    for (const payload of [() => {}, 1n, cyclic, Symbol('s')])
      await scheduler.trigger(worker, payload).catch((error) => errors.push(error.name));
    return errors;
  },
  async exit() {
    process.exit(4);
  },
  async close() {
    await app.close();
    return process.getActiveResourcesInfo();
  },
  async block({ ms }) {
    const end = performance.now() + ms;
    while (performance.now() < end);
  },
};

process.on('message', async ({ id, command, ...rest }) => {
  try {
    process.send({ id, value: await commands[command](rest) });
  } catch (error) {
    process.send({ id, error: String(error) });
  }
});
process.send({ ready: process.pid });
