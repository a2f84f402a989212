import 'reflect-metadata';
import assert from 'node:assert/strict';
import { type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { report } from '../harness/child.js';
import { timed } from '../harness/rounds.js';
import { appWith, WORKERS } from './app.js';

/** Milliseconds. */
export interface Took {
  /** To load the modules that the application does not need without workers. */
  load: number;
  /** From `NestFactory.createApplicationContext` to workers that tick. */
  bootstrap: number;
}

const DAY = 86_400_000;

const SUBJECTS = {
  async ours() {
    const { Interval, Scheduler, WorkerModule } = await import('ctrlplane-workers');
    return {
      App: appWith(WorkerModule.forRoot(), (name) => Interval(name, DAY)),
      workers: (app: INestApplicationContext) => app.get(Scheduler).workers().length,
    };
  },

  async adopted() {
    const { Scheduler, WorkerModule } = await import('ctrlplane-workers');
    const { Interval } = await import('@nestjs/schedule');
    return {
      App: appWith(WorkerModule.forRoot(), (name) => Interval(name, DAY)),
      workers: (app: INestApplicationContext) => app.get(Scheduler).workers().length,
    };
  },

  async nestSchedule() {
    const { Interval, ScheduleModule, SchedulerRegistry } = await import('@nestjs/schedule');
    return {
      App: appWith(ScheduleModule.forRoot(), (name) => Interval(name, DAY)),
      workers: (app: INestApplicationContext) => app.get(SchedulerRegistry).getIntervals().length,
    };
  },
};

export type Subject = keyof typeof SUBJECTS;

const prepare = SUBJECTS[process.argv[2] as Subject];
let prepared!: Awaited<ReturnType<typeof prepare>>;
const load = await timed(async () => (prepared = await prepare()));
let app!: INestApplicationContext;
const bootstrap = await timed(
  async () => (app = await NestFactory.createApplicationContext(prepared.App, { logger: ['error', 'warn'] })),
);
assert.equal(prepared.workers(app), WORKERS, 'not all workers were found');
report({ load, bootstrap } satisfies Took);
