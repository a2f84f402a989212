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
  class Tasks {
    cleared() {
      ran.push('cleared');
    }
    left() {
      ran.push('left');
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
  if (runs.includes('cleared')) {
    decorate(Interval('cleared', 1_000), 'cleared');
    decorate(Timeout('left', 2_500), 'left');
  }
  if (runs.includes('cron')) decorate(Cron('*/5 * * * * *'), 'cron');
  class App {}
  Module({ imports: [forRoot()], providers: [Tasks] })(App);
  mock.timers.enable({
    apis: apis.split(','),
    ...(apis.includes('Date') && { now: Date.UTC(2026, 2, 10, 12) }),
  });
  const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
  for (let passed = 0; passed < 10_000; passed += Number(step)) {
    // Not from within the handler: the mock timers of Node 20 do not heed that.
    if (runs.includes('cleared') && passed === 2_000) {
      clearInterval(app.get(SchedulerRegistry).getInterval('cleared'));
      clearTimeout(app.get(SchedulerRegistry).getTimeout('left'));
    }
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
