import { type DynamicModule, Injectable, type Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { Cron, Interval, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type CronJob } from 'cron';
import { WorkerModule } from '../worker.module.js';

const START = Date.UTC(2026, 2, 10, 12, 0, 0);
const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** What the tests of an application do with fake timers, held against both modules. */
describe.each<[string, () => DynamicModule]>([
  ['ScheduleModule', () => ScheduleModule.forRoot()],
  ['WorkerModule', () => WorkerModule.forRoot()],
])('under fake timers as @nestjs/schedule: %s', (name, forRoot) => {
  let app: TestingModule | undefined;
  /** What ran, in order. */
  let ran: string[];

  @Injectable()
  class Once {
    @Timeout(5 * SECOND)
    once() {
      ran.push('once');
    }
  }
  @Injectable()
  class Every {
    @Cron('*/5 * * * *', { timeZone: 'UTC' })
    cron() {
      ran.push('cron');
    }
    @Interval(24 * HOUR)
    daily() {
      ran.push('daily');
    }
    @Timeout(HOUR)
    once() {
      ran.push('once');
    }
  }
  @Injectable()
  class Seconds {
    @Interval(SECOND)
    interval() {
      ran.push('interval');
    }
    @Timeout(2_500)
    once() {
      ran.push('once');
    }
  }
  @Injectable()
  class Waiting {
    @Interval(SECOND)
    async wait() {
      ran.push('began');
      await new Promise((resolve) => setTimeout(resolve, HOUR));
    }
  }

  beforeEach(() => {
    ran = [];
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  async function start(...providers: Type[]): Promise<void> {
    app = await Test.createTestingModule({ imports: [forRoot()], providers })
      .setLogger({ log: () => {}, warn: () => {}, error: () => {} })
      .compile();
    await app.init();
  }
  /** Lets what fired go through its promises. */
  const settle = async (): Promise<void> => {
    for (let n = 0; n < 20; n++) await Promise.resolve();
  };

  describe('a job with waitForCompletion', () => {
    /** What its handler does, or what is added to it. */
    const handlers: [string, number, (started: Promise<unknown>) => unknown, ((job: CronJob) => void)?][] = [
      ['returns', 2, () => {}],
      ['throws', 1, () => fail()],
      ['is async', 2, async () => {}],
      ['is async and throws', 2, async () => fail()],
      ['awaits', 3, async (started) => void (await started)],
      ['rejects after a wait', 3, async (started) => (await started, fail())],
      ['returns, and another callback does', 2, () => {}, (job) => job.addCallback(() => {})],
      ['returns, and another callback waits', 4, () => {}, (job) => job.addCallback(async () => void (await null))],
    ]; // prettier-ignore
    const fail = (): never => {
      throw new Error('of a test');
    };

    it.each(handlers)('is free again as many microtasks after a handler that %s: %i', async (...row) => {
      const [, microtasks, work, prepare] = row;
      const job = await startJob(work);
      prepare?.(job);
      for (let second = 1; second <= 5; second++) {
        jest.advanceTimersByTime(SECOND);
        let passed = 0;
        for (; job.isCallbackRunning; passed++) await Promise.resolve();
        expect(passed).toBe(microtasks);
      }
      expect(ran).toEqual(['job', 'job', 'job', 'job', 'job']);
    });

    it.each(handlers)('runs at a time that comes as many microtasks after a handler that %s: %i, and not before', async (...row) => {
      const [, microtasks, work, prepare] = row;
      const job = await startJob(work);
      prepare?.(job);
      jest.advanceTimersByTime(SECOND);
      for (let passed = 0; passed < microtasks - 1; passed++) await Promise.resolve();
      jest.advanceTimersByTime(SECOND);
      expect(ran).toEqual(['job']);
      await Promise.resolve();
      jest.advanceTimersByTime(SECOND);
      expect(ran).toEqual(['job', 'job']);
    }); // prettier-ignore

    async function startJob(work: (started: Promise<unknown>) => unknown): Promise<CronJob> {
      jest.useFakeTimers({ now: START });
      @Injectable()
      class Tasks {
        @Cron('* * * * * *', { name: 'job', waitForCompletion: true })
        job() {
          ran.push('job');
          return work(Promise.resolve());
        }
      }
      await start(Tasks);
      return app!.get(SchedulerRegistry).getCronJob('job');
    }
  });

  describe('that move the date', () => {
    beforeEach(() => {
      jest.useFakeTimers({ now: START });
    });

    it('ends runAllTimers where nothing repeats', async () => {
      await start(Once);
      jest.runAllTimers();
      await settle();
      expect(ran).toEqual(['once']);
    });

    it('runs everything up to the last pending timer with runOnlyPendingTimers', async () => {
      await start(Every);
      jest.runOnlyPendingTimers();
      await settle();
      expect(ran.filter((name) => name === 'cron')).toHaveLength(288);
      expect(ran.filter((name) => name !== 'cron')).toEqual(['once', 'daily']);
      expect(new Date().toISOString()).toBe('2026-03-11T12:00:00.000Z');
      // It took 20 s on a loaded machine: there each of the 288 times is looked for minute by minute.
    }, 120_000);

    it('runs one handler for each advanceTimersToNextTimer', async () => {
      await start(Every);
      for (let n = 0; n < 3; n++) {
        jest.advanceTimersToNextTimer();
        await settle();
      }
      expect(ran).toEqual(['cron', 'cron', 'cron']);
      expect(new Date().toISOString()).toBe('2026-03-10T12:15:00.000Z');
    });
  });

  it.each<[string, Parameters<typeof jest.useFakeTimers>[0]]>([
    ['that leave the date alone', { doNotFake: ['Date', 'nextTick', 'setImmediate', 'queueMicrotask'] }],
    [
      'that leave date and performance alone',
      { doNotFake: ['Date', 'performance', 'hrtime', 'nextTick', 'setImmediate', 'queueMicrotask'] },
    ],
    ['of the legacy kind', { legacyFakeTimers: true }],
  ])('runs intervals and timeouts under fakes %s', async (_kind, config) => {
    jest.useFakeTimers(config);
    await start(Seconds);
    for (let n = 0; n < 4; n++) {
      jest.advanceTimersByTime(SECOND);
      await settle();
    }
    expect(ran).toEqual(['interval', 'interval', 'once', 'interval', 'interval']);
  });

  it.each([
    ['all at once', 12, false],
    ['second by second', 1, false],
    ['with turns for promises', 12, true],
  ])('runs what is due at one instant in the same order: %s', async (_how, step, turns) => {
    @Injectable()
    class Tasks {
      @Cron('*/2 * * * * *', { name: 'cron', utcOffset: 0 })
      cron() {
        const at = ran.push('cron');
        setTimeout(() => ran.push(`after cron ${at}`), 2 * SECOND);
      }
      @Interval(2 * SECOND)
      interval() {
        const at = ran.push('interval');
        setTimeout(() => ran.push(`after interval ${at}`), 2 * SECOND);
      }
      @Timeout(4 * SECOND)
      timeout() {
        const at = ran.push('timeout');
        setTimeout(() => ran.push(`after timeout ${at}`), 2 * SECOND);
      }
    }
    jest.useFakeTimers({ now: START });
    setTimeout(() => ran.push('before the start'), 4 * SECOND);
    await start(Tasks);
    setTimeout(() => ran.push('after the start'), 4 * SECOND);
    for (let passed = 0; passed < 12; passed += step) {
      if (turns) await jest.advanceTimersByTimeAsync(step * SECOND);
      else jest.advanceTimersByTime(step * SECOND);
    }
    expect(ran).toEqual([
      ...['interval', 'cron'],
      ...[
        'before the start',
        'timeout',
        'after the start',
        'interval',
        'after interval 1',
        'cron',
        'after cron 2',
      ],
      ...['after timeout 4', 'interval', 'after interval 6', 'cron', 'after cron 8'],
      ...['interval', 'after interval 11', 'cron', 'after cron 13'],
      ...['interval', 'after interval 15', 'cron', 'after cron 17'],
      ...['interval', 'after interval 19', 'cron', 'after cron 21'],
    ]);
  });

  it.each<[string, () => void]>([
    ['of Jest', () => jest.useFakeTimers()],
    ['of the legacy kind', () => jest.useFakeTimers({ legacyFakeTimers: true })],
    ['of sinon', () => {
      jest.useFakeTimers();
      // As they come from sinon itself.
      Object.assign((setTimeout as unknown as { clock: object }).clock, { shouldClearNativeTimers: false });
    }],
  ])('clears timers under fakes %s, also from within the handler', async (_kind, fake) => {
    @Injectable()
    class Finite {
      constructor(private readonly registry: SchedulerRegistry) {}
      @Interval('finite', SECOND)
      interval() {
        ran.push('interval');
        clearInterval(this.registry.getInterval('finite') as NodeJS.Timeout);
      }
      @Interval('other', SECOND)
      other() {
        ran.push('other');
      }
      @Timeout('never', 1_500)
      timeout() {
        ran.push('timeout');
      }
    }
    fake();
    jest.spyOn(console, 'warn').mockImplementation(() => {});
    await start(Finite);
    const registry = app!.get(SchedulerRegistry);
    clearTimeout(registry.getTimeout('never') as NodeJS.Timeout);
    for (let n = 0; n < 3; n++) {
      jest.advanceTimersByTime(SECOND);
      await settle();
    }
    expect(ran.filter((name) => name === 'interval')).toHaveLength(1);
    expect(ran.filter((name) => name === 'other')).toHaveLength(3);
    expect(ran).not.toContain('timeout');
  }); // prettier-ignore

  it('closes at once while a handler waits for a timer', () => closesAtOnce(() => {}));

  it(
    'closes at once under real timers, when a handler began under fake ones and still waits',
    () => closesAtOnce(() => jest.useRealTimers()),
    10_000,
  );

  async function closesAtOnce(before: () => void): Promise<void> {
    jest.useFakeTimers({ now: START, doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    await start(Waiting);
    await jest.advanceTimersByTimeAsync(SECOND);
    expect(ran).toEqual(['began']);
    before();
    // Otherwise it hangs, or takes the 15 s of a drain, which is beyond the time of this test.
    await app!.close();
    app = undefined;
  }
});
