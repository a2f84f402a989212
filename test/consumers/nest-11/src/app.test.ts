import 'reflect-metadata';
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { type RunContext, Scheduler, WorkerModule } from 'ctrlplane-workers';
import { WorkerTestHarness } from 'ctrlplane-workers/testing';
import { AppModule, GuardedAppModule, TOKEN } from './app.module.js';
import { Greeter } from './greeter.worker.js';
import { HEAVY_FILE } from './heavy.file.js';
import { HeavyModule } from './heavy.module.js';
import { Journal } from './journal.js';
import { Vital } from './vital.worker.js';

let harness: WorkerTestHarness<INestApplication>;
let journal: Journal;
let registry: SchedulerRegistry;

async function start(module: new () => object = AppModule): Promise<void> {
  harness = await WorkerTestHarness.create(
    { imports: [module] },
    {
      override: (builder) => builder.setLogger({ log() {}, warn() {}, error() {} }),
      application: (compiled) => compiled.createNestApplication(),
    },
  );
  await harness.app.listen(0, '127.0.0.1');
  journal = harness.get(Journal);
  registry = harness.get(SchedulerRegistry);
}

/** What Terminus answers. */
type Health = { status: string } & Partial<Record<'info' | 'error', { workers: WorkersHealth }>>;

interface WorkersHealth {
  status: string;
  degraded?: boolean;
  troubled?: Record<string, string[]>;
}

async function get<Body>(path: string, init?: RequestInit): Promise<{ status: number; body: Body }> {
  const answer = await fetch((await harness.app.getUrl()) + path, {
    ...init,
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  return { status: answer.status, body: (await answer.json()) as Body };
}

describe('workers', () => {
  beforeEach(() => start());
  afterEach(() => harness.close());

  it('run at their slots, each in its context', async () => {
    await harness.advance('3m');
    assert.equal(journal.count('greeted'), 3);
    assert.equal(harness.worker('greeter').runCount, 3);
  });

  it('that depend on something request-scoped are made anew for each run, with the run as the request', async () => {
    await harness.run('scoped');
    await harness.run('scoped');
    const made = journal.entries.map((entry) => entry.split(' '));
    assert.deepEqual(
      made.map(([whose]) => whose),
      ['own', 'own'],
    );
    assert.notEqual(made[0]![1], made[1]![1]);
  });

  it('pass their interceptors', async () => {
    assert.equal((await harness.run('enhanced')).outcome, 'succeeded');
    assert.deepEqual(journal.entries, ['before a worker', 'after a worker']);
  });

  it('are refused by their guards', async () => {
    const { outcome, error } = await harness.run('enhanced', 'forbidden');
    assert.deepEqual([outcome, error?.name], ['failed', 'ForbiddenException']);
    assert.deepEqual(journal.entries, []);
  });

  it('fail with what their filters make of the error', async () => {
    const { outcome, error } = await harness.run('enhanced', 'out of range');
    assert.deepEqual([outcome, error?.message], ['failed', 'translated: out of range']);
  });
});

describe('an application whose global guard refuses everything and whose global filter swallows errors', () => {
  beforeEach(() => start(GuardedAppModule));
  afterEach(() => harness.close());

  it('has workers that run, and failures that are failures', async () => {
    assert.equal((await harness.runNext('greeter')).outcome, 'succeeded');
    harness.get(Greeter).during = () => Promise.reject(new Error('broken'));
    assert.equal((await harness.runNext('greeter')).error?.message, 'broken');
    assert.equal((await fetch(`${await harness.app.getUrl()}/health`)).status, 418);
  });
});

describe('handlers of @nestjs/schedule 6', () => {
  beforeEach(() => start());
  afterEach(() => harness.close());

  it('run as workers: an interval, a cron job in its time zone, a timeout once', async () => {
    await harness.advance('9s');
    assert.deepEqual(journal.entries, []);
    await harness.advance('1s');
    assert.deepEqual(journal.entries, ['interval']);
    await harness.advance('2h');
    assert.equal(journal.count('interval'), 721);
    assert.equal(journal.count('cron'), 2);
    assert.equal(journal.count('timeout'), 1);
    assert.equal(harness.worker('legacy-cron').cron, '0 * * * *');
  });

  it('are taken away by the SchedulerRegistry', async () => {
    registry.deleteInterval('legacy-interval');
    registry.deleteTimeout('legacy-timeout');
    registry.deleteCronJob('legacy-cron');
    await harness.advance('2h');
    assert.equal(journal.count('interval') + journal.count('timeout') + journal.count('cron'), 0);
    assert.deepEqual(
      harness.workers().filter(({ name }) => name.startsWith('legacy')),
      [],
    );
  });

  it('are taken away by clearing their timers', async () => {
    clearInterval(registry.getInterval('legacy-interval') as NodeJS.Timeout);
    clearTimeout(registry.getTimeout('legacy-timeout') as NodeJS.Timeout);
    await harness.advance('2h');
    assert.equal(journal.count('interval') + journal.count('timeout'), 0);
  });

  it('stop and start by their cron job', async () => {
    const job = registry.getCronJob('legacy-cron');
    assert.equal(job.nextDate().toMillis(), harness.clock.now() + 3_600_000);
    void job.stop();
    await harness.advance('2h');
    assert.deepEqual([journal.count('cron'), harness.worker('legacy-cron').state], [0, 'paused']);
    job.start();
    await harness.advance('2h');
    assert.equal(journal.count('cron'), 2);
  });

  it('are refused while a ScheduleModule would run them as well', async () => {
    @Module({ imports: [ScheduleModule.forRoot(), AppModule] })
    class Both {}
    await assert.rejects(WorkerTestHarness.create({ imports: [Both] }), {
      name: 'HandlersRunTwiceError',
      message: /^Both imports ScheduleModule/,
    });
  });
});

describe('the health check of Terminus 11', () => {
  beforeEach(() => start());
  afterEach(() => harness.close());

  it('is up while all is well', async () => {
    await harness.advance('1h');
    const { status, body } = await get<Health>('/health');
    assert.equal(status, 200);
    assert.deepEqual(body.info?.workers, {
      status: 'up',
      running: true,
      total: 7,
      ended: ['legacy-timeout'],
    });
  });

  it('is up with the detail when a worker fails', async () => {
    harness.get(Greeter).during = () => Promise.reject(new Error('password=hunter2'));
    await harness.advance('3m');
    const { status, body } = await get<Health>('/health');
    assert.equal(status, 200);
    assert.equal(body.status, 'ok');
    const { workers } = body.info!;
    assert.deepEqual(
      [workers.status, workers.degraded, workers.troubled],
      ['up', true, { greeter: ['failing'] }],
    );
    assert.ok(!JSON.stringify(body).includes('hunter2'));
  });

  it('is down when a critical worker is stuck', async () => {
    harness.get(Vital).during = () => new Promise(() => {});
    await harness.advance('12m');
    const { status, body } = await get<Health>('/health');
    assert.equal(status, 503);
    assert.equal(body.error?.workers.status, 'down');
    assert.ok(body.error.workers.troubled?.vital?.includes('stuck'));
  });
});

describe('the HTTP interface, on Express', () => {
  beforeEach(() => start());
  afterEach(() => harness.close());

  it('lists the workers, triggers one, and shows its run', async () => {
    const { status, body } = await get<{ name: string }[]>('/workers');
    assert.equal(status, 200);
    assert.deepEqual(
      body.map(({ name }) => name),
      ['enhanced', 'greeter', 'legacy-cron', 'legacy-interval', 'legacy-timeout', 'scoped', 'vital'],
    );
    const triggered = await get<{ run_id: string }>('/workers/greeter/trigger', { method: 'POST' });
    assert.equal(triggered.status, 202);
    await harness.idle();
    const runs = await get<{ items: { id: string; outcome: string }[] }>('/workers/greeter/runs');
    assert.deepEqual(
      [runs.body.items[0]?.id, runs.body.items[0]?.outcome],
      [triggered.body.run_id, 'succeeded'],
    );
    assert.equal((await get('/workers/unheard_of')).status, 404);
  });
});

describe('an application of NestFactory', () => {
  it('runs workers by the real clock, and lets runs end before it closes', async () => {
    const app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    const events: string[] = [];
    let ticked!: () => void;
    const thrice = new Promise<void>((resolve) => (ticked = resolve));
    let count = 0;
    const scheduler = app.get(Scheduler);
    scheduler.register({ name: 'ticker', interval: '20ms', run: () => void (++count === 3 && ticked()) });
    await thrice;

    let begun!: () => void;
    const inFlight = new Promise<void>((resolve) => (begun = resolve));
    app.get(Greeter).during = ({ signal }: RunContext) => {
      begun();
      return new Promise<void>((resolve) =>
        setTimeout(() => resolve(void events.push(`ended, ${signal.aborted}`)), 50),
      );
    };
    const { ended } = await scheduler.trigger('greeter');
    await inFlight;
    await app.close().then(() => events.push('closed'));
    assert.deepEqual(events, ['ended, false', 'closed']);
    assert.equal((await ended).outcome, 'succeeded');
    assert.equal(scheduler.running, false);
  });
});

describe('isolated workers', () => {
  @Module({ imports: [HeavyModule, WorkerModule.forRoot({ isolation: { module: HEAVY_FILE } })] })
  class IsolatedAppModule {}

  for (const [worker, isElsewhere] of [
    ['in-a-thread', (place?: string) => place === `${process.pid} thread`],
    ['in-a-process', (place?: string) => /^\d+ main$/.test(place ?? '') && place !== `${process.pid} main`],
  ] as const)
    it(`run ${worker}, with their own context, and again after a crash`, async () => {
      const app = await NestFactory.createApplicationContext(IsolatedAppModule, { logger: false });
      const run = async (payload?: string) => (await app.get(Scheduler).trigger(worker, payload)).ended;
      const first = await run();
      assert.equal(first.outcome, 'succeeded', first.error?.message);
      assert.ok(isElsewhere(first.progress?.message), first.progress?.message);
      const { outcome, error } = await run('crash');
      assert.deepEqual([outcome, error?.name], ['failed', 'IsolatedCrashError']);
      assert.match(error!.message, /exit code 3/);
      assert.equal((await run()).outcome, 'succeeded');
      await app.close();
    });
});
