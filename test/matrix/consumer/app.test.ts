import 'reflect-metadata';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, Interval as ScheduleInterval, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CronJob, CronTime } from 'cron';
import { Interval, RunContext, Scheduler, WorkerModule } from 'ctrlplane-workers';
import { postgres, postgresHistory } from 'ctrlplane-workers/postgres';
import { WorkerTestHarness } from 'ctrlplane-workers/testing';
import { DataSource } from 'typeorm';
import { advance, fakeTimers, it, realTimers } from './runner.js';

const SECOND = 1_000;

@Injectable()
class Journal {
  readonly entries: string[] = [];
}

/** As they were before `ScheduleModule` was replaced. */
@Injectable()
class Legacy {
  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @Cron('*/5 * * * * *', { name: 'cron', timeZone: 'UTC' })
  cron() {
    this.journal.entries.push('cron');
  }

  @ScheduleInterval('interval', 4 * SECOND)
  interval() {
    this.journal.entries.push('interval');
  }

  @Timeout('timeout', 3 * SECOND)
  timeout() {
    this.journal.entries.push('timeout');
  }
}

@Injectable()
class Usage {
  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @Interval('usage', '5m', { timeout: '1m' })
  async report(context: RunContext) {
    await Promise.resolve();
    this.journal.entries.push(`usage ${RunContext.current() === context}`);
  }
}

it('has installed what this cell of the matrix says', () => {
  const installed = (name: string): string =>
    (
      JSON.parse(readFileSync(join('..', 'node_modules', name, 'package.json'), 'utf8')) as {
        version: string;
      }
    ).version;
  const { NEST, SCHEDULE, TYPEORM, NODE } = process.env;
  const versions = [process.versions.node, '@nestjs/core', '@nestjs/schedule', 'typeorm'].map((name, i) =>
    i === 0 ? name : installed(name),
  );
  for (const [i, wanted] of [NODE, NEST, SCHEDULE, TYPEORM].entries())
    assert.ok(wanted && `${versions[i]}.`.startsWith(`${wanted}.`), `${versions[i]} is no ${wanted}`);
});

it('runs handlers of @nestjs/schedule at their times under fake timers', async () => {
  fakeTimers(Date.UTC(2026, 2, 10, 12));
  try {
    const app = await Test.createTestingModule({
      imports: [WorkerModule.forRoot()],
      providers: [Journal, Legacy],
    }).compile();
    await app.init();
    await advance(10 * SECOND);
    assert.deepEqual(app.get(Journal).entries, ['timeout', 'interval', 'cron', 'interval', 'cron']);
    await app.close();
  } finally {
    realTimers();
  }
});

it('keeps the registry, and jobs of the package cron that @nestjs/schedule uses', async () => {
  const app = await Test.createTestingModule({
    imports: [WorkerModule.forRoot()],
    providers: [Journal, Legacy],
  }).compile();
  await app.init();
  const registry = app.get(SchedulerRegistry);
  const job = registry.getCronJob('cron');
  assert.ok(job instanceof CronJob);
  job.setTime(new CronTime('0 0 3 * * *', 'UTC'));
  assert.equal(job.nextDate().hour, 3);
  registry.addCronJob('dynamic', new CronJob('* * * * * *', () => {}));
  assert.deepEqual([...registry.getCronJobs().keys()], ['cron', 'dynamic']);
  await app
    .get(Scheduler)
    .trigger('interval')
    .then((run) => run.ended);
  assert.deepEqual(app.get(Journal).entries, ['interval']);
  await app.close();
  assert.equal(registry.getCronJobs().size, 0);
});

it('runs a worker of its own on a clock that the test moves', async () => {
  const harness = await WorkerTestHarness.create({
    imports: [WorkerModule.forRoot()],
    providers: [Journal, Usage],
  });
  const run = await harness.runNext('usage');
  assert.equal(run.outcome, 'succeeded');
  assert.deepEqual(harness.get(Journal).entries, ['usage true']);
  await harness.close();
});

it('keeps history and coordinates on the PostgreSQL of TypeORM, and drains', async () => {
  const schema = process.env.WORKERS_SCHEMA!;
  @Module({
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url: process.env.DATABASE_URL! }),
      WorkerModule.forRootAsync({
        inject: [DataSource],
        useFactory: (dataSource: DataSource) => ({
          history: postgresHistory({ dataSource, schema }),
          coordination: postgres({ dataSource, schema }),
        }),
      }),
    ],
    providers: [Journal, Legacy, Usage],
  })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['fatal'] });
  const { runId, ended } = await app.get(Scheduler).trigger('usage');
  const { outcome } = await ended;
  await app.close();
  assert.equal(outcome, 'succeeded');
  // The application has told its history at its end, at the latest.
  const database = await new DataSource({ type: 'postgres', url: process.env.DATABASE_URL! }).initialize();
  const runs = await database.query(`SELECT outcome FROM ${schema}.runs WHERE id = $1`, [runId]);
  await database.destroy();
  assert.deepEqual(runs, [{ outcome: 'succeeded' }]);
});
