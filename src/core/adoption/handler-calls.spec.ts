import { Injectable } from '@nestjs/common';
import { Cron, Interval, ScheduleExplorer, Timeout } from '@nestjs/schedule';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Scheduler } from '../scheduler/scheduler.js';
import { WorkerModule } from '../worker.module.js';

type Handler = (...args: unknown[]) => unknown;
interface Seam {
  wrapFunctionInTryCatchBlocks(handler: Handler, instance: object): (...args: unknown[]) => Promise<void>;
}

/** What NestJS Observe, which patches this method, is told of each run. */
describe('HandlerCalls', () => {
  const seam = ScheduleExplorer.prototype as unknown as Seam;
  const original = seam.wrapFunctionInTryCatchBlocks;
  let app: TestingModule;
  let seen: unknown[];

  const patch = (): void => {
    seam.wrapFunctionInTryCatchBlocks = function (handler, instance) {
      return original.call(
        this,
        async (...args: unknown[]) => {
          const run = {
            kind: Reflect.getMetadata('SCHEDULER_TYPE', handler) as number,
            name: (Reflect.getMetadata('SCHEDULER_NAME', handler) as string) ?? handler.name,
            of: instance.constructor.name,
            error: undefined as unknown,
          };
          seen.push(run);
          try {
            return await handler.call(instance, ...args);
          } catch (error) {
            run.error = error;
            throw error;
          }
        },
        instance,
      );
    };
  };

  const failure = new Error('of the cron job');
  @Injectable()
  class Tasks {
    arguments: unknown[] = [];
    @Cron('0 0 1 1 *')
    cron() {
      throw failure;
    }
    @Interval('interval', 3_600_000)
    interval(...args: unknown[]) {
      this.arguments = [...args, this];
      return 'done';
    }
    @Timeout(3_600_000)
    timeout() {}
  }

  beforeEach(async () => {
    seen = [];
    patch();
    app = await Test.createTestingModule({ imports: [WorkerModule.forRoot()], providers: [Tasks] })
      .setLogger({ log: () => {}, warn: () => {}, error: () => {} })
      .compile();
    await app.init();
  });
  afterEach(async () => {
    seam.wrapFunctionInTryCatchBlocks = original;
    jest.restoreAllMocks();
    await app.close();
  });

  const run = async (worker: string) => (await app.get(Scheduler).trigger(worker)).ended;

  it('passes each run through the wrapper of @nestjs/schedule, with kind, name and error', async () => {
    for (const worker of ['Tasks.cron', 'interval', 'Tasks.timeout']) await run(worker);
    expect(seen).toEqual([
      { kind: 1, name: 'cron', of: 'Tasks', error: failure },
      { kind: 3, name: 'interval', of: 'Tasks', error: undefined },
      { kind: 2, name: 'timeout', of: 'Tasks', error: undefined },
    ]);
  });

  it('records what a handler throws, though the wrapper keeps it', async () => {
    expect(await run('Tasks.cron')).toMatchObject({
      outcome: 'failed',
      error: { name: 'Error', message: 'of the cron job' },
    });
  });

  it('calls the handler on its provider, without arguments', async () => {
    expect(await run('interval')).toMatchObject({ outcome: 'succeeded' });
    expect(app.get(Tasks).arguments).toEqual([app.get(Tasks)]);
  });

  it('looks the wrapper up for each run', async () => {
    await run('interval');
    seam.wrapFunctionInTryCatchBlocks = original;
    await run('interval');
    expect(seen).toHaveLength(1);
    patch();
    await run('interval');
    expect(seen).toHaveLength(2);
  });
});
