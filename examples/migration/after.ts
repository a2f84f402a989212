/*
 * The application of before.ts on ctrlplane-workers: one import and one line of the module are different. What it has
 * got by that is below.
 *
 *     npm run examples:build && node dist/examples/migration/after.js
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import { Tasks } from './tasks.js';

@Module({ imports: [WorkerModule.forRoot()], providers: [Tasks] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule);
app.enableShutdownHooks([], { useProcessExit: true });

const scheduler = app.get(Scheduler);
for (const { name, nextRun } of scheduler.workers())
  console.log(`${name} runs at ${nextRun?.toISOString() ?? 'no time'}`);
scheduler.events$.subscribe(({ type, worker }) => console.log(`${worker}: ${type}`));
