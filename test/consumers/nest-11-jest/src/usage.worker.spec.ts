import { Test, type TestingModule } from '@nestjs/testing';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import { WorkerTestHarness } from 'ctrlplane-workers/testing';
import { UsageWorker } from './usage.worker';

describe('UsageWorker', () => {
  it('is a provider like any other', async () => {
    const module: TestingModule = await Test.createTestingModule({ providers: [UsageWorker] }).compile();
    expect(module.get(UsageWorker).runs).toEqual([]);
  });

  it('runs when the scheduler is told so, and so does a handler of @nestjs/schedule', async () => {
    const app = await Test.createTestingModule({
      imports: [WorkerModule.forRoot()],
      providers: [UsageWorker],
    }).compile();
    await app.init();
    const scheduler = app.get(Scheduler);
    for (const worker of ['usage', 'nightly']) await (await scheduler.trigger(worker)).ended;
    expect(app.get(UsageWorker).runs).toEqual(['usage true', 'nightly']);
    await app.close();
  });

  it('runs at its time on a clock that the test moves', async () => {
    const harness = await WorkerTestHarness.create({
      imports: [WorkerModule.forRoot()],
      providers: [UsageWorker],
    });
    const run = await harness.runNext('usage');
    expect(run.outcome).toBe('succeeded');
    await harness.close();
  });
});
