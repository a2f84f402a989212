import { Inject, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Scheduler } from './scheduler/scheduler.js';
import { ManualClock } from './testing/manual-clock.js';
import { Clock } from './timing/clock.js';
import { Interval } from './worker/interval.decorator.js';
import { WorkerModule } from './worker.module.js';
import { type WorkerModuleOptions, type WorkerOptionsFactory } from './worker-module.options.js';

const EVERY = Symbol('every');

@Module({ providers: [{ provide: EVERY, useValue: '7m' }], exports: [EVERY] })
class ConfigModule {}

@Injectable()
class Config implements WorkerOptionsFactory {
  made = 0;
  constructor(@Inject(EVERY) private readonly every: '7m') {}
  async createWorkerOptions(): Promise<WorkerModuleOptions> {
    this.made++;
    return { workers: { usage: { interval: this.every } } };
  }
}

@Module({ imports: [ConfigModule], providers: [Config], exports: [Config] })
class SharedConfigModule {}

@Injectable()
class Usage {
  // Elsewhere in the application, without an import of its own.
  constructor(readonly scheduler: Scheduler) {}
  @Interval('usage', '5m')
  report() {}
}
@Module({ providers: [Usage] })
class UsageModule {}

describe('WorkerModule.forRootAsync', () => {
  let close = async (): Promise<void> => {};
  afterEach(() => close());

  async function start(workers: ReturnType<typeof WorkerModule.forRootAsync>) {
    const app = await Test.createTestingModule({ imports: [workers, UsageModule] })
      .overrideProvider(Clock)
      .useValue(new ManualClock())
      .compile();
    close = () => app.close();
    await app.init();
    return app;
  }

  it.each<[string, Parameters<typeof WorkerModule.forRootAsync>[0]]>([
    [
      'useFactory, with what it injects',
      {
        imports: [ConfigModule],
        inject: [EVERY],
        useFactory: async (every: '7m') => ({ workers: { usage: { interval: every } } }),
      },
    ],
    ['useClass, a provider of its own', { imports: [ConfigModule], useClass: Config }],
    ['useExisting, a provider of a module', { imports: [SharedConfigModule], useExisting: Config }],
  ])('takes its options from %s', async (_, how) => {
    const app = await start(WorkerModule.forRootAsync(how));
    expect(app.get(Scheduler).workers()).toMatchObject([
      { name: 'usage', interval: 7 * 60_000, running: true },
    ]);
    expect(app.get(Usage, { strict: false }).scheduler).toBe(app.get(Scheduler));
  });

  it('asks an existing provider, and makes no second one', async () => {
    const app = await start(
      WorkerModule.forRootAsync({ imports: [SharedConfigModule], useExisting: Config }),
    );
    expect(app.get(Config, { strict: false }).made).toBe(1);
  });

  it('does not start without the options that it waits for', async () => {
    const useFactory = () => Promise.reject<WorkerModuleOptions>(new Error('no configuration'));
    await expect(start(WorkerModule.forRootAsync({ useFactory }))).rejects.toThrow('no configuration');
  });
});
