import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, type INestApplicationContext, Module, type Provider } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { Scheduler } from '../scheduler/scheduler.js';
import { Interval } from '../worker/interval.decorator.js';
import { WorkerModule } from '../worker.module.js';

@Injectable()
class Greeter {
  greeted = 0;

  @Interval('greeter', '1h')
  greet() {
    this.greeted++;
  }
}

describe('a worker that is provided as a value', () => {
  let app: INestApplicationContext;
  afterEach(() => app.close());

  async function start(
    providers: Provider[],
    change: (builder: TestingModuleBuilder) => TestingModuleBuilder = (builder) => builder,
  ): Promise<Scheduler> {
    @Module({ providers })
    class AppModule {}
    const module = await change(
      Test.createTestingModule({ imports: [WorkerModule.forRoot(), AppModule] }),
    ).compile();
    app = await module.init();
    return app.get(Scheduler);
  }
  const names = (scheduler: Scheduler) => scheduler.workers().map(({ name }) => name);

  it('is found, and runs on that very value', async () => {
    const greeter = new Greeter();
    const scheduler = await start([{ provide: 'GREETER', useValue: greeter }]);
    expect(names(scheduler)).toEqual(['greeter']);
    await (
      await scheduler.trigger('greeter')
    ).ended;
    expect(greeter.greeted).toBe(1);
  });

  it('is found when a test puts it in the place of a class', async () => {
    const greeter = new Greeter();
    const scheduler = await start([Greeter], (builder) =>
      builder.overrideProvider(Greeter).useValue(greeter),
    );
    await (
      await scheduler.trigger('greeter')
    ).ended;
    expect(greeter.greeted).toBe(1);
  });

  it('counts once under two tokens', async () => {
    const greeter = new Greeter();
    const twice = ['A', 'B'].map((provide) => ({ provide, useValue: greeter }));
    expect(names(await start(twice))).toEqual(['greeter']);
  });

  it('is no worker when a plain object takes its place', async () => {
    const plain = { greet: () => {} };
    expect(names(await start([Greeter], (b) => b.overrideProvider(Greeter).useValue(plain)))).toEqual([]);
  });

  it('may be anything else', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    const values = [
      undefined,
      null,
      0,
      'text',
      Greeter,
      () => {},
      Object.create(null),
      new Map(),
      new Date(),
      Promise.resolve(1),
    ];
    const providers = values.map((useValue, i) => ({ provide: `VALUE_${i}`, useValue: useValue as unknown }));
    const starting = start([...providers, { provide: 'PROXY', useValue: { proxy } }]);
    revoke();
    expect(names(await starting)).toEqual([]);
  });
});
