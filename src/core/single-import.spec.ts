import { type DynamicModule, Injectable, Module, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { InMemoryRunStore } from './history/in-memory-run.store.js';
import { Scheduler } from './scheduler/scheduler.js';
import { ManualClock } from './testing/manual-clock.js';
import { Clock } from './timing/clock.js';
import { Interval } from './worker/interval.decorator.js';
import { WorkerModule } from './worker.module.js';

@Injectable()
class Worker {
  @Interval('worker', '1m')
  work() {}
}

class WatchedStore extends InMemoryRunStore {
  opened = false;
  override async open(): Promise<void> {
    this.opened = true;
  }
}

describe('WorkerModule, imported', () => {
  let close = async (): Promise<void> => {};
  afterEach(() => close());

  async function start(...imports: (Type | DynamicModule)[]) {
    @Module({ imports, providers: [Worker] })
    class AppModule {}
    const app = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(Clock)
      .useValue(new ManualClock())
      .setLogger({ log: () => {}, warn: () => {}, error: () => {} })
      .compile();
    close = () => app.close();
    await app.init();
    return app;
  }

  it('in several modules by the same reference counts once', async () => {
    const workers = WorkerModule.forRoot({ maxConcurrentRuns: 3 });
    @Module({ imports: [workers] })
    class BillingModule {}
    @Module({ imports: [workers, BillingModule] })
    class ShippingModule {}
    const app = await start(workers, BillingModule, ShippingModule);
    expect(app.get(Scheduler).workers()).toMatchObject([{ name: 'worker', running: true }]);
  });

  it.each<[string, () => DynamicModule, () => DynamicModule]>([
    ['different options', () => WorkerModule.forRoot(), () => WorkerModule.forRoot({ run: false })],
    ['options that are alike', () => WorkerModule.forRoot(), () => WorkerModule.forRoot()],
    [
      'options that come later',
      () => WorkerModule.forRoot(),
      () => WorkerModule.forRootAsync({ useFactory: () => ({}) }),
    ],
    [
      'neither being global',
      () => WorkerModule.forRoot({ isGlobal: false }),
      () => WorkerModule.forRoot({ isGlobal: false }),
    ],
  ])('twice with %s fails the start, names who imports it and says what to do', async (_, one, other) => {
    @Module({ imports: [other()] })
    class BillingModule {}
    await expect(start(one(), BillingModule)).rejects.toMatchObject({
      name: 'WorkerModuleImportedTwiceError',
      count: 2,
      message: expect.stringMatching(
        /was called 2 times \(imported by AppModule, BillingModule\).*Call it once, in the root module/,
      ),
    });
  });

  it('twice opens no store', async () => {
    const stores = [new WatchedStore(), new WatchedStore()];
    const imports = stores.map((history) => WorkerModule.forRoot({ history }));
    await expect(start(...imports)).rejects.toThrow(/was called 2 times/);
    expect(stores.map(({ opened }) => opened)).toEqual([false, false]);
  });

  it('without forRoot fails the start and says so, also beside one that is right', async () => {
    const message = /WorkerModule is imported without forRoot: write WorkerModule\.forRoot\(\)/;
    await expect(start(WorkerModule)).rejects.toThrow(message);
    await expect(start(WorkerModule.forRoot(), WorkerModule)).rejects.toThrow(message);
  });
});
