// Handlers of @nestjs/schedule under the mock timers of node:test, on either module: what ran, in order.
import 'reflect-metadata';
import { mock } from 'node:test';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, Interval, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { WorkerModule } from 'ctrlplane-workers';

const [, , apis, step, runs] = process.argv;

async function ranWith(forRoot) {
  const ran = [];
  let registry;
  class Tasks {
    clears() {
      ran.push('clears');
      clearInterval(registry.getInterval('clears'));
    }
    cleared() {
      ran.push('cleared');
    }
    interval() {
      ran.push('interval');
    }
    timeout() {
      ran.push('timeout');
    }
    cron() {
      ran.push('cron');
    }
  }
  const decorate = (decorator, method) =>
    decorator(Tasks.prototype, method, Object.getOwnPropertyDescriptor(Tasks.prototype, method));
  if (runs.includes('interval')) decorate(Interval(2_000), 'interval');
  if (runs.includes('timeout')) decorate(Timeout(3_000), 'timeout');
  if (runs.includes('clears')) {
    decorate(Interval('clears', 1_000), 'clears');
    decorate(Timeout('cleared', 2_500), 'cleared');
  }
  if (runs.includes('cron')) decorate(Cron('*/5 * * * * *'), 'cron');
  class App {}
  Module({ imports: [forRoot()], providers: [Tasks] })(App);
  mock.timers.enable({
    apis: apis.split(','),
    ...(apis.includes('Date') && { now: Date.UTC(2026, 2, 10, 12) }),
  });
  const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
  registry = app.get(SchedulerRegistry);
  if (runs.includes('clears')) clearTimeout(registry.getTimeout('cleared'));
  for (let passed = 0; passed < 10_000; passed += Number(step)) {
    mock.timers.tick(Number(step));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const closed = app.close();
  mock.timers.tick(0);
  await closed;
  mock.timers.reset();
  return ran;
}

const original = await ranWith(() => ScheduleModule.forRoot());
const ours = await ranWith(() => WorkerModule.forRoot());
process.stdout.write(`${JSON.stringify({ original, ours })}\n`);
process.exit();
