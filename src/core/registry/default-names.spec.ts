import { Injectable, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Cron as ScheduleCron } from '@nestjs/schedule';
import { afterEach, describe, expect, it } from '@jest/globals';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { ManualClock } from '../testing/manual-clock.js';
import { Clock } from '../timing/clock.js';
import { Cron } from '../worker/cron.decorator.js';
import { Interval } from '../worker/interval.decorator.js';
import { WorkerModule } from '../worker.module.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';

@Injectable()
class Unnamed {
  @Cron('0 3 * * *')
  nightly() {}
  @ScheduleCron('0 4 * * *')
  adopted() {}
}

@Injectable()
class Named {
  @Cron('0 3 * * *', { name: 'nightly' })
  nightly() {}
  @Interval('usage', '5m')
  report() {}
  @ScheduleCron('0 4 * * *', { name: 'adopted' })
  adopted() {}
}

describe('names that come from class and method', () => {
  const { NODE_ENV } = process.env;
  afterEach(() => void (process.env.NODE_ENV = NODE_ENV));

  async function warnings(
    provider: Type,
    environment: string,
    options: (clock: ManualClock) => WorkerModuleOptions = (clock) => ({
      coordination: new LocalCoordinator(clock),
    }),
  ): Promise<string[]> {
    process.env.NODE_ENV = environment;
    const clock = new ManualClock();
    const warned: string[] = [];
    const app = await Test.createTestingModule({
      imports: [WorkerModule.forRoot({ ...options(clock), drain: { timeout: 0, abortGrace: 0 } })],
      providers: [provider],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .setLogger({ log() {}, error() {}, warn: (text: unknown) => warned.push(String(text)) })
      .compile();
    await app.init();
    const closed = app.close();
    await clock.advance('1s');
    await closed;
    return warned.filter((text) => text.includes('as they have no name'));
  }

  it('are warned about in production with coordination, once, with the fix', async () => {
    const [warning, ...more] = await warnings(Unnamed, 'production');
    expect(warning).toContain(': Unnamed.nightly, Unnamed.adopted. When');
    expect(warning).toContain("@Interval('usage', …)");
    expect(more).toEqual([]);
  });

  it('are not where all have names, in development, and without coordination', async () => {
    expect(await warnings(Named, 'production')).toEqual([]);
    expect(await warnings(Unnamed, 'development')).toEqual([]);
    expect(await warnings(Unnamed, 'production', () => ({}))).toEqual([]);
  });
});
