// A replica that runs stored schedules, to be killed. URL is that of its database, LEASE its lease. It says each run as it starts,
// `run key attempt`. What the key begins with is what its run does: `kill` ends the process as kill -9 does, when those that started
// with it are active; `hold` does not end in a replica that has HOLD; all else takes 200 ms.
import 'reflect-metadata';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import { DatabaseModule, Scheduled, SchedulesModule } from 'ctrlplane-workers/control-plane';

const { URL: url, LEASE: lease, HOLD } = process.env;

class Jobs {
  async run({ key, attempt, signal }) {
    // At once, as the process may end in the next line.
    writeSync(1, `run ${key} ${attempt}\n`);
    if (key.startsWith('kill')) {
      await sleep(100);
      process.kill(process.pid, 'SIGKILL');
    }
    await sleep(key.startsWith('hold') && HOLD ? 3_600_000 : 200, undefined, { signal });
  }
}
const decorate = Scheduled('job', { maxAttempts: 3, concurrency: 5 });
decorate(Jobs.prototype, 'run', Object.getOwnPropertyDescriptor(Jobs.prototype, 'run'));

class App {}
Module({
  imports: [
    DatabaseModule.forRoot({ url, tables: 'schedules' }),
    WorkerModule.forRoot(),
    SchedulesModule.forRoot({ lease }),
  ],
  providers: [Jobs],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
console.log('ready');
