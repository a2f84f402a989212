import { describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { InMemoryRunStore } from '../history/in-memory-run.store.js';
import { ManualClock } from '../testing/manual-clock.js';
import { Clock } from '../timing/clock.js';
import { WorkerModule } from '../worker.module.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';
import { Scheduler } from './scheduler.js';
import { ShutdownDeadline } from './shutdown-deadline.js';

const never = (): Promise<never> => new Promise(() => {});

/** How long a shutdown takes when a run is deaf and nothing else answers any more. */
async function shutdownOf(drain: WorkerModuleOptions['drain']): Promise<number> {
  const clock = new ManualClock();
  const coordination = new LocalCoordinator(clock);
  const history = new InMemoryRunStore();
  const app = await Test.createTestingModule({
    imports: [WorkerModule.forRoot({ coordination, history, ...(drain && { drain }) })],
  })
    .overrideProvider(Clock)
    .useValue(clock)
    .setLogger(false as never)
    .compile();
  await app.init();
  app.get(Scheduler).register({ name: 'deaf', interval: '1s', run: never });
  await clock.advance('5s');
  expect(app.get(Scheduler).workerByName('deaf')!.activeRuns).toBe(1);
  Object.assign(coordination, { release: never, pulse: never, announce: never, close: never });
  Object.assign(history, { save: never, close: never });
  await clock.advance('1s');
  const began = clock.monotonic();
  let closedAt: number | undefined;
  void app.close().then(() => (closedAt = clock.monotonic()));
  for (let i = 0; i < 600 && closedAt === undefined; i++) await clock.advance('100ms');
  return closedAt! - began;
}

describe('a shutdown in which nothing answers any more', () => {
  it('is over after 25 s by default', async () => {
    expect(await shutdownOf(undefined)).toBeLessThanOrEqual(25_000);
  });

  it('is over at its deadline, which can be set', async () => {
    expect(await shutdownOf({ timeout: '1s', abortGrace: '1s', deadline: '4s' })).toBeLessThanOrEqual(4_000);
  });

  it('takes from the same deadline what hooks have waited that come before the drain', async () => {
    const clock = new ManualClock();
    const app = await Test.createTestingModule({ imports: [WorkerModule.forRoot()] })
      .overrideProvider(Clock)
      .useValue(clock)
      .setLogger(false as never)
      .compile();
    await app.init();
    const deadline = app.get(ShutdownDeadline);
    await clock.advance('1m');
    expect(deadline.begin().left()).toBe(25_000);
    await clock.advance('7s');
    expect(deadline.begin().left()).toBe(18_000);
    expect(deadline.begin().left(2_000)).toBe(2_000);
    await app.close();
    expect(deadline.begin().left()).toBe(18_000);
  });

  it('refuses a deadline that would take from runs what they were promised', async () => {
    await expect(shutdownOf({ timeout: '10s', abortGrace: '5s', deadline: '12s' })).rejects.toThrow(
      'drain.deadline: 12000 ms is less than timeout and abortGrace together, 15000 ms',
    );
  });
});
