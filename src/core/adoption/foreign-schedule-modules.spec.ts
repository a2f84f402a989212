import { Injectable, Module, type ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { Cron, Interval, ScheduleModule } from '@nestjs/schedule';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Scheduler } from '../scheduler/scheduler.js';
import { WorkerModule } from '../worker.module.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';

describe('a ScheduleModule beside WorkerModule', () => {
  let app: TestingModule | undefined;
  let intervals: number;
  let crons: number;

  @Injectable()
  class Tasks {
    @Interval('often', 1_000)
    often() {
      intervals++;
    }
    @Cron('* * * * * *', { name: 'cron' })
    cron() {
      crons++;
    }
  }

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    intervals = crons = 0;
  });
  afterEach(async () => {
    const closed = app?.close();
    app = undefined;
    await jest.advanceTimersByTimeAsync(1_000);
    await closed;
    jest.useRealTimers();
  });

  async function start(
    imports: NonNullable<ModuleMetadata['imports']>,
    { options, workersFirst = true }: { options?: WorkerModuleOptions; workersFirst?: boolean } = {},
    providers = [Tasks],
  ): Promise<void> {
    const workers = WorkerModule.forRoot(options);
    const module = await Test.createTestingModule({
      imports: workersFirst ? [workers, ...imports] : [...imports, workers],
      providers,
    })
      .setLogger({ log: () => {}, warn: () => {}, error: () => {} })
      .compile();
    await module.init();
    app = module;
  }
  const workers = () =>
    app!
      .get(Scheduler)
      .workers()
      .map(({ name }) => name);

  const dynamic = () => {
    class ReportsModule {
      static forRoot = () => ({ module: ReportsModule, imports: [ScheduleModule.forRoot()] });
    }
    return ReportsModule.forRoot();
  };
  const fromFactory = () => {
    @Module({ imports: [ScheduleModule.forRootAsync({ useFactory: async () => ({}) })] })
    class ReportsModule {}
    return ReportsModule;
  };
  const nested = () => {
    @Module({ imports: [ScheduleModule.forRoot()] })
    class ReportsModule {}
    @Module({ imports: [ReportsModule] })
    class LibraryModule {}
    return LibraryModule;
  };

  it.each([
    ['by its decorator, deep down', nested],
    ['by forRoot', dynamic],
    ['with options from a factory', fromFactory],
  ])('fails the start, and names the module that imports it: %s', async (_how, reports) => {
    const message =
      /^ReportsModule imports ScheduleModule .* would run Tasks\.often, Tasks\.cron .* scheduleModule: 'ignore'/;
    await expect(start([reports()])).rejects.toThrow(message);
    await expect(start([reports()], { workersFirst: false })).rejects.toThrow(message);
    await jest.advanceTimersByTimeAsync(5_000);
    expect([intervals, crons]).toEqual([0, 0]);
  });

  it('names every module that imports one', async () => {
    await expect(start([ScheduleModule.forRoot(), nested()])).rejects.toThrow(
      /^RootTestModule and ReportsModule imports? ScheduleModule/,
    );
  });

  it('fails only for kinds of handlers that it runs', async () => {
    await expect(start([ScheduleModule.forRoot({ intervals: false })])).rejects.toThrow(
      /would run Tasks\.cron beside/,
    );
    await start([ScheduleModule.forRoot({ intervals: false, cronJobs: false })]);
    await jest.advanceTimersByTimeAsync(2_000);
    expect([intervals, crons]).toEqual([2, 2]);
  });

  it('does no harm where no handler is decorated, or none is to be adopted', async () => {
    await start([ScheduleModule.forRoot()], {}, []);
    await app!.close();
    await start([ScheduleModule.forRoot()], { options: { adopt: { cronJobs: false, intervals: false } } });
    await jest.advanceTimersByTimeAsync(2_000);
    expect([intervals, crons]).toEqual([2, 2]);
    expect(workers()).toEqual([]);
  });

  it("scheduleModule: 'ignore' leaves to it what it runs, and adopts the rest", async () => {
    await start([nested()], { options: { scheduleModule: 'ignore' } });
    await jest.advanceTimersByTimeAsync(2_000);
    expect([intervals, crons]).toEqual([2, 2]);
    expect(workers()).toEqual([]);
    await app!.close();
    intervals = crons = 0;
    await start([ScheduleModule.forRoot({ intervals: false })], { options: { scheduleModule: 'ignore' } });
    await jest.advanceTimersByTimeAsync(2_000);
    expect([intervals, crons]).toEqual([2, 2]);
    expect(workers()).toEqual(['often']);
  });

  it("scheduleModule: 'ignore' adopts all when there is none", async () => {
    await start([], { options: { scheduleModule: 'ignore' } });
    expect(workers()).toEqual(['cron', 'often']);
  });
});
