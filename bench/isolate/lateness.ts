import 'reflect-metadata';
import { setTimeout as wait } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import { report } from '../harness/child.js';
import { SUBJECTS } from '../lateness/subjects.js';
import { Watch } from '../lateness/watch.js';
import { WorkersModule } from './workers.module.mjs';

/** What workers of a second did beside a worker that loops without an end. */
export interface Lateness {
  /** p99, in milliseconds. */
  lateness: number;
  runs: number;
}

const [, , workers, seconds, beside] = process.argv;
const watch = new Watch(Number(workers), Number(seconds));
if (beside !== 'nobody') await burn(`${beside}.loops`);
await SUBJECTS.ours(watch);
await watch.look();
const { lateness, runs } = watch.found();
report({ lateness, runs } satisfies Lateness);

async function burn(worker: string): Promise<void> {
  const module = new URL('./workers.module.mjs', import.meta.url);
  const app = await NestFactory.createApplicationContext(
    { module: class Burning {}, imports: [WorkersModule, WorkerModule.forRoot({ isolation: { module } })] },
    { logger: ['error', 'warn'] },
  );
  const scheduler = app.get(Scheduler);
  await scheduler.trigger(worker);
  while (!scheduler.workerByName(worker)!.progress) await wait(50);
}
