import { Injectable, type Type } from '@nestjs/common';
import { Cron, Interval, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '../testing/manual-clock.js';
import { Clock } from '../timing/clock.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { WorkerModule } from '../worker.module.js';
import { ORCHESTRATOR } from './overridden.js';

const calls: string[] = [];

@Injectable()
class Handlers {
  @Interval('interval', 1_000)
  interval() {
    calls.push('interval');
  }
  @Timeout('timeout', 1_000)
  timeout() {
    calls.push('timeout');
  }
  @Cron('* * * * * *', { name: 'cron' })
  cron() {
    calls.push('cron');
  }
}

describe('with the proxies that NestJS Observe puts around providers', () => {
  it('handlers run, as nothing is overridden', async () => {
    const app = await NestFactory.createApplicationContext(
      { module: class App {}, imports: [WorkerModule.forRoot()], providers: [Handlers] },
      {
        logger: false,
        instrument: {
          instanceDecorator: (instance) =>
            instance !== null && Object.getPrototypeOf(instance) === Object.prototype
              ? new Proxy(instance as object, {})
              : instance,
        },
      },
    );
    const registry = app.get(SchedulerRegistry);
    expect([...registry.getCronJobs().keys(), ...registry.getIntervals(), ...registry.getTimeouts()]).toEqual(
      ['cron', 'interval', 'timeout'],
    );
    await app.close();
  });
});

async function run(token: unknown, value: object): Promise<{ workers: string[]; notices: string[] }> {
  calls.length = 0;
  const clock = new ManualClock();
  const notices: string[] = [];
  const app = await Test.createTestingModule({ imports: [WorkerModule.forRoot()], providers: [Handlers] })
    .overrideProvider(Clock)
    .useValue(clock)
    .overrideProvider(token)
    .useValue(value)
    .setLogger({ warn() {}, error() {}, log: (text: unknown) => notices.push(String(text)) })
    .compile();
  await app.init();
  await clock.advance('2.5s');
  const workers = app
    .get(Scheduler)
    .workers()
    .map(({ name }) => name);
  const closed = app.close();
  await clock.advance('1m');
  await closed;
  return { workers, notices };
}

/** Where a test imports it from. */
function orchestratorOf(module: object): Type {
  const providers = Reflect.getMetadata('providers', module) as Type[];
  return providers.find(({ name }) => name === 'SchedulerOrchestrator')!;
}

describe('a test that overrides', () => {
  it('SchedulerOrchestrator keeps the handlers off, and the log says so', async () => {
    const { workers, notices } = await run(orchestratorOf(ScheduleModule), {});
    expect(calls).toEqual([]);
    expect(workers).toEqual([]);
    expect(notices).toContain(
      "SchedulerOrchestrator is overridden: 3 handlers of @nestjs/schedule's decorators do not run",
    );
  });

  it('SchedulerRegistry is told of the entries, and the handlers run, as with ScheduleModule', async () => {
    const registry = { addCronJob: jest.fn(), addInterval: jest.fn(), addTimeout: jest.fn() };
    await run(SchedulerRegistry, registry);
    for (const [add, name] of [
      ['addCronJob', 'cron'],
      ['addInterval', 'interval'],
      ['addTimeout', 'timeout'],
    ] as const)
      expect(registry[add].mock.calls).toEqual([[name, expect.anything()]]);
    expect(calls.toSorted()).toEqual(['cron', 'cron', 'interval', 'interval', 'timeout']);
  });

  it('SchedulerRegistry by something without its methods is left alone', async () => {
    await run(SchedulerRegistry, {});
    expect(calls).toContain('interval');
  });
});

it('the installed @nestjs/schedule has the class that is looked for', () => {
  expect(ORCHESTRATOR).toBe(orchestratorOf(ScheduleModule));
});
