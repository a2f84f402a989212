import 'reflect-metadata';
import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import { Injectable, Module, type OnModuleInit, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as Sentry from '@sentry/nestjs';
import {
  Interval,
  type RunContext,
  type RunInterceptor,
  RunInterceptors,
  Scheduler,
  WorkerModule,
  type WorkerModuleOptions,
} from 'ctrlplane-workers';
import { ClsModule, ClsService } from 'nestjs-cls';
import { Logger, LoggerModule, PinoLogger } from 'nestjs-pino';
import { storage, Store } from 'nestjs-pino/storage';
import { Counter, Gauge, register } from 'prom-client';

// The code of docs/recipes, word for word.

@Injectable()
export class RunsInCls implements RunInterceptor, OnModuleInit {
  constructor(
    private readonly cls: ClsService,
    private readonly interceptors: RunInterceptors,
  ) {}

  onModuleInit(): void {
    this.interceptors.add(this);
  }

  intercept<T>({ worker, runId }: RunContext, next: () => Promise<T>): Promise<T> {
    return this.cls.run(() => {
      this.cls.set('worker', worker);
      this.cls.set('runId', runId);
      return next();
    });
  }
}

@Injectable()
export class RunsInLog implements RunInterceptor, OnModuleInit {
  constructor(
    private readonly pino: PinoLogger,
    private readonly interceptors: RunInterceptors,
  ) {}

  onModuleInit(): void {
    this.interceptors.add(this);
  }

  intercept<T>({ worker, runId }: RunContext, next: () => Promise<T>): Promise<T> {
    return storage.run(new Store(this.pino.logger.child({ worker, runId })), next);
  }
}

@Injectable()
export class WorkerMetrics implements OnModuleInit {
  constructor(private readonly scheduler: Scheduler) {}

  onModuleInit(): void {
    const { scheduler } = this;
    const runs = new Counter({
      name: 'worker_runs_total',
      help: 'Runs that have ended',
      labelNames: ['worker', 'outcome'],
    });
    scheduler.events$.subscribe((event) => {
      if ('run' in event && event.run.endedAt) runs.inc({ worker: event.worker, outcome: event.run.outcome });
    });
    new Gauge({
      name: 'worker_troubled',
      help: '1 while a worker is stale, failing or stuck',
      labelNames: ['worker', 'condition'],
      collect() {
        this.reset();
        for (const { name, conditions } of scheduler.workers())
          for (const condition of conditions) this.set({ worker: name, condition }, 1);
      },
    });
  }
}

// What tries it.

@Injectable()
class Greeter {
  seen?: unknown;
  constructor(private readonly cls: ClsService) {}
  @Interval('greeter', 0)
  async greet({ logger }: RunContext) {
    await undefined;
    logger.log('hello');
    this.seen = { worker: this.cls.get('worker'), runId: this.cls.get('runId') };
  }
  @Interval('failing', 0)
  fail() {
    throw new TypeError('fetch failed', { cause: new Error('no route to host') });
  }
}

const lines: Record<string, unknown>[] = [];
const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };

let app: Awaited<ReturnType<typeof NestFactory.createApplicationContext>>;
afterEach(() => app.close());

async function start(providers: Type[], options: WorkerModuleOptions = {}): Promise<Scheduler> {
  @Module({
    imports: [
      WorkerModule.forRoot(options),
      ClsModule.forRoot({ global: true }),
      LoggerModule.forRoot({ pinoHttp: [{ level: 'info' }, stream] }),
    ],
    providers: [Greeter, ...providers],
  })
  class AppModule {}
  app = await NestFactory.createApplicationContext(AppModule, { bufferLogs: true });
  app.useLogger(app.get(Logger));
  return app.get(Scheduler);
}

it('nestjs-cls: each run has a context of its own', async () => {
  const scheduler = await start([RunsInCls]);
  const { runId, ended } = await scheduler.trigger('greeter');
  await ended;
  assert.deepEqual(app.get(Greeter).seen, { worker: 'greeter', runId });
  assert.equal(app.get(ClsService).isActive(), false);
});

it('pino: what a run logs says which run it was', async () => {
  lines.length = 0;
  const scheduler = await start([RunsInLog]);
  const { runId, ended } = await scheduler.trigger('greeter');
  await ended;
  const [line, ...more] = lines.filter(({ msg }) => msg === 'hello');
  assert.deepEqual([line.worker, line.runId, more.length], ['greeter', runId, 0]);
  assert.ok(lines.some(({ msg }) => String(msg).startsWith('Started 2 workers; store: ')));
});

it('Prometheus: counts runs by outcome, and shows what is wrong', async () => {
  const scheduler = await start([WorkerMetrics]);
  for (const name of ['greeter', 'failing', 'failing', 'failing'])
    await (
      await scheduler.trigger(name)
    ).ended;
  const text = await register.metrics();
  for (const expected of [
    'worker_runs_total{worker="greeter",outcome="succeeded"} 1',
    'worker_runs_total{worker="failing",outcome="failed"} 3',
    'worker_troubled{worker="failing",condition="failing"} 1',
  ])
    assert.ok(text.includes(expected), text);
});

it('Sentry: a run that failed is one event, with its cause and its worker', async () => {
  const events: Sentry.ErrorEvent[] = [];
  Sentry.init({
    dsn: 'https://key@localhost/1',
    beforeSend: (event) => {
      events.push(event);
      return null;
    },
  });
  const options: WorkerModuleOptions = {
    onError: (run, error) =>
      Sentry.captureException(error, {
        tags: { worker: run.worker, trigger: run.trigger },
        contexts: { run: { id: run.id, attempt: run.attempt, outcome: run.outcome } },
      }),
  };
  const scheduler = await start([], options);
  const { runId, ended } = await scheduler.trigger('failing');
  await ended;
  await Sentry.flush(1_000);
  assert.equal(events.length, 1);
  assert.deepEqual(
    events[0].exception?.values?.map(({ type, value }) => `${type}: ${value}`),
    ['Error: no route to host', 'TypeError: fetch failed'],
  );
  assert.equal(events[0].tags?.worker, 'failing');
  assert.equal(events[0].contexts?.run?.id, runId);
});
