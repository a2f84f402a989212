import { Controller, type DynamicModule, Injectable, Module, type Provider, Scope } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  Cron,
  CronExpression,
  Interval,
  ScheduleModule,
  type ScheduleModuleOptions,
  SchedulerRegistry,
  Timeout,
} from '@nestjs/schedule';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CronJob, CronTime } from 'cron';
import { gate } from '../../../test/support/gate.js';
import { WorkerModule } from '../worker.module.js';

const START = Date.UTC(2026, 2, 10, 12, 0, 0);
const SECOND = 1_000;
const HOUR = 3_600_000;

/** Where the options come from that are waited for. */
type Wait = 'factory' | 'class';

/**
 * What an application may rely on, held against both: `ScheduleModule` itself shows that this is how it is there,
 * `WorkerModule` that it is so here. The table in docs/migration.md names these tests.
 */
describe.each<[string, (flags?: ScheduleModuleOptions, wait?: Wait) => DynamicModule]>([
  [
    'ScheduleModule',
    (flags, wait) => {
      class Options {
        createScheduleOptions = () => flags ?? {};
      }
      if (wait === 'class') return ScheduleModule.forRootAsync({ useClass: Options });
      return wait
        ? ScheduleModule.forRootAsync({ useFactory: async () => flags ?? {} })
        : ScheduleModule.forRoot(flags);
    },
  ],
  [
    'WorkerModule',
    (flags, wait) => {
      const options = { ...(flags && { adopt: flags }), drain: { timeout: 0, abortGrace: 0 } };
      class Options {
        createWorkerOptions = () => options;
      }
      if (wait === 'class') return WorkerModule.forRootAsync({ useClass: Options });
      return wait
        ? WorkerModule.forRootAsync({ useFactory: async () => options })
        : WorkerModule.forRoot(options);
    },
  ],
])('as @nestjs/schedule does: %s', (_name, forRoot) => {
  let app: TestingModule | undefined;
  let registry: SchedulerRegistry;
  let warnings: string[];
  let errors: string[];
  /** What reached `Logger.error`: what was given, and its context. */
  let logged: [given: unknown, context: unknown][];
  /** Seconds since the start at which something ran. */
  let ran: number[];
  const run = (): void => void ran.push((Date.now() - START) / SECOND);

  beforeEach(() => {
    jest.useFakeTimers({ now: START, doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    ran = [];
    warnings = [];
    errors = [];
    logged = [];
    jest.spyOn(console, 'warn').mockImplementation(() => {});
  });
  afterEach(async () => {
    await close();
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  async function compile(
    providers: Provider[],
    {
      flags,
      wait,
      imports = [],
      controllers = [],
    }: {
      flags?: ScheduleModuleOptions;
      wait?: Wait;
      imports?: (new () => object)[];
      controllers?: (new () => object)[];
    } = {},
  ): Promise<TestingModule> {
    return Test.createTestingModule({ imports: [forRoot(flags, wait), ...imports], providers, controllers })
      .setLogger({
        log: () => {},
        warn: (text) => warnings.push(String(text)),
        error: (given: unknown, ...more: unknown[]) => {
          errors.push(String(given));
          logged.push([given, more.at(-1)]);
        },
      })
      .compile();
  }
  async function start(...[providers, options]: Parameters<typeof compile>): Promise<void> {
    app = await compile(providers, options);
    await app.init();
    registry = app.get(SchedulerRegistry);
  }
  /** Runs that do not end are given up when the drain's time has passed. */
  async function close(): Promise<void> {
    const closed = app?.close();
    app = undefined;
    await after(SECOND);
    await closed;
  }
  const after = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

  describe('@Interval', () => {
    it('runs an interval after bootstrap for the first time, and every interval from then on', async () => {
      @Injectable()
      class Tasks {
        @Interval(2_500)
        work() {
          run();
        }
      }
      await start([Tasks]);
      await after(10 * SECOND);
      expect(ran).toEqual([2.5, 5, 7.5, 10]);
    });

    it('starts beside a run that has not ended', async () => {
      const never = gate();
      @Injectable()
      class Tasks {
        @Interval(1_000)
        work() {
          run();
          return never.opened;
        }
      }
      await start([Tasks]);
      await after(3 * SECOND);
      expect(ran).toEqual([1, 2, 3]);
    });
  });

  describe('@Timeout', () => {
    it('runs once, so long after bootstrap', async () => {
      @Injectable()
      class Tasks {
        @Timeout(5_000)
        work() {
          run();
        }
      }
      await start([Tasks]);
      await after(HOUR);
      expect(ran).toEqual([5]);
    });
  });

  describe('@Cron', () => {
    it('runs at the times of its expression', async () => {
      @Injectable()
      class Tasks {
        @Cron('45 * * * * *')
        work() {
          run();
        }
        @Cron(CronExpression.EVERY_10_MINUTES)
        often() {
          run();
        }
      }
      await start([Tasks]);
      await after(600 * SECOND);
      expect(ran).toEqual([45, 105, 165, 225, 285, 345, 405, 465, 525, 585, 600]);
    });

    it('reads every CronExpression, and all that the package cron reads, for the same times', async () => {
      class Tasks {}
      const expressions = new Set<string>([
        ...Object.values(CronExpression),
        ...['@yearly', '@monthly', '@weekly', '@weekdays', '@weekends', '@daily', '@hourly', '@minutely'],
        ...['0 */30 9-17 * * *', '0 30 11 * * 1-5', '* 10 * * * *', '* * 8 * * *', '1-3,5/2 * * * *'],
        ...['0 12 * jan,jul mon-fri', '0 0 13 * 5', '0 0 * * 7', '*/7 */5 4-20/3 * * SUN'],
      ]);
      for (const name of expressions) {
        const method = { value: () => {} };
        Cron(name, { name, timeZone: 'Europe/Berlin' })(Tasks.prototype, name, method);
        Object.defineProperty(Tasks.prototype, name, method);
      }
      await start([Tasks]);
      for (const name of expressions) {
        const dates = registry.getCronJob(name).nextDates(2);
        expect([name, dates.map(String)]).toEqual([
          name,
          new CronTime(name, 'Europe/Berlin').sendAt(2).map(String),
        ]);
      }
    });

    it.each<[string, object, number]>([
      ['timeZone', { timeZone: 'Asia/Tokyo' }, 8],
      ['a time zone of a fixed offset', { timeZone: 'UTC+05:30' }, 11.5],
      ['utcOffset', { utcOffset: 330 }, 11.5],
      ['utcOffset, west of Greenwich', { utcOffset: -210 }, 20.5],
    ])('%s: reads the expression where it says', async (_what, options, hours) => {
      @Injectable()
      class Tasks {
        @Cron('0 0 23 * * *', { ...options, name: 'late' })
        late() {}
        @Cron('0 0 5 * * *', options)
        work() {
          run();
        }
      }
      await start([Tasks]);
      await after(24 * HOUR);
      expect(ran).toEqual([hours * 3_600]);
      expect(registry.getCronJob('late').nextDate().hour).toBe(23);
    });

    it.each<[string, Date | ReturnType<CronJob['nextDate']>]>([
      ['a Date', new Date(START + 10 * SECOND)],
      [
        'a Luxon DateTime',
        new CronTime(new Date(START + 10 * SECOND)).source as ReturnType<CronJob['nextDate']>,
      ],
    ])('runs once at %s', async (_what, date) => {
      @Injectable()
      class Tasks {
        @Cron(date, { name: 'once' })
        work() {
          run();
        }
      }
      await start([Tasks]);
      const job = registry.getCronJob('once');
      expect(job.isActive).toBe(true);
      expect(job.nextDate().toMillis()).toBe(START + 10 * SECOND);
      await after(HOUR);
      expect(ran).toEqual([10]);
      expect(job.isActive).toBe(false);
      expect(() => job.nextDate()).toThrow(/past/);
    });

    it('starts beside a run that has not ended', async () => {
      const never = gate();
      @Injectable()
      class Tasks {
        @Cron('* * * * * *')
        work() {
          run();
          return never.opened;
        }
      }
      await start([Tasks]);
      await after(3 * SECOND);
      expect(ran).toEqual([1, 2, 3]);
    });

    it('waitForCompletion: skips the times at which a run has not ended', async () => {
      @Injectable()
      class Tasks {
        @Cron('* * * * * *', { waitForCompletion: true })
        work() {
          run();
          return new Promise((resolve) => setTimeout(resolve, 2_500));
        }
      }
      await start([Tasks]);
      await after(7 * SECOND);
      expect(ran).toEqual([1, 4, 7]);
    });

    it('disabled: does not run before its job is started', async () => {
      @Injectable()
      class Tasks {
        @Cron('* * * * * *', { name: 'off', disabled: true })
        work() {
          run();
        }
      }
      await start([Tasks]);
      await after(3 * SECOND);
      expect(registry.getCronJob('off').isActive).toBe(false);
      expect(ran).toEqual([]);
      registry.getCronJob('off').start();
      await after(2 * SECOND);
      expect(registry.getCronJob('off').isActive).toBe(true);
      expect(ran).toEqual([4, 5]);
    });

    it('initialDelay: runs at its times once the delay has passed', async () => {
      @Injectable()
      class Tasks {
        @Cron('*/2 * * * * *', { name: 'later', initialDelay: 5_000 })
        work() {
          run();
        }
      }
      await start([Tasks]);
      expect(registry.getCronJob('later').isActive).toBe(false);
      await after(9 * SECOND);
      expect(registry.getCronJob('later').isActive).toBe(true);
      expect(ran).toEqual([6, 8]);
    });

    it('initialDelay: a job that is started meanwhile does not wait', async () => {
      @Injectable()
      class Tasks {
        @Cron('* * * * * *', { name: 'later', initialDelay: 5_000 })
        work() {
          run();
        }
      }
      await start([Tasks]);
      registry.getCronJob('later').start();
      await after(6 * SECOND);
      expect(ran).toEqual([1, 2, 3, 4, 5, 6]);
    });

    it('initialDelay: a job that is deleted meanwhile does not start, nor does another of its name', async () => {
      @Injectable()
      class Tasks {
        @Cron('* * * * * *', { name: 'later', initialDelay: 2_000 })
        work() {
          run();
        }
      }
      await start([Tasks]);
      registry.deleteCronJob('later');
      const other = new CronJob('* * * * * *', run);
      registry.addCronJob('later', other);
      await after(4 * SECOND);
      expect(ran).toEqual([]);
      expect(other.isActive).toBe(false);
    });

    it('initialDelay: a job does not start when the application has closed meanwhile', async () => {
      @Injectable()
      class Tasks {
        @Cron('* * * * * *', { initialDelay: 5_000 })
        work() {
          run();
        }
      }
      await start([Tasks]);
      await after(2 * SECOND);
      await close();
      await after(10 * SECOND);
      expect(ran).toEqual([]);
    });

    it.each<[CronExpression, number, number]>([
      [CronExpression.EVERY_SECOND, 1, 3],
      [CronExpression.EVERY_30_SECONDS, 30, 1],
      [CronExpression.EVERY_MINUTE, 60, 3],
      [CronExpression.EVERY_HOUR, 3_600, 3],
    ])('%s: a job that its own handler stops runs no more, after %i s each', async (expression, seconds, times) => {
      @Injectable()
      class Tasks {
        constructor(private readonly schedulerRegistry: SchedulerRegistry) {}
        @Cron(expression, { name: 'finite', utcOffset: 0 })
        work() {
          run();
          if (ran.length === times) void this.schedulerRegistry.getCronJob('finite').stop();
        }
      }
      await start([Tasks]);
      const job = registry.getCronJob('finite');
      expect(job.isActive).toBe(true);
      // In one step, and without a turn for promises: as tests do.
      jest.advanceTimersByTime(times * seconds * SECOND);
      expect(job.lastDate()).toEqual(new Date(START + times * seconds * SECOND));
      jest.advanceTimersByTime(3 * seconds * SECOND);
      expect(ran).toEqual(Array.from({ length: times }, (_, i) => (i + 1) * seconds));
      expect(job.isActive).toBe(false);
    }); // prettier-ignore

    it('waitForCompletion: a run that takes longer than its interval is the only one, and may stop its job', async () => {
      let ended = 0;
      @Injectable()
      class Tasks {
        constructor(private readonly schedulerRegistry: SchedulerRegistry) {}
        @Cron(CronExpression.EVERY_MINUTE, { name: 'long', waitForCompletion: true, utcOffset: 0 })
        async work() {
          run();
          await new Promise((resolve) => setTimeout(resolve, 61_000));
          if (++ended === 3) void this.schedulerRegistry.getCronJob('long').stop();
        }
      }
      await start([Tasks]);
      const job = registry.getCronJob('long');
      const states: unknown[] = [];
      for (let minute = 1; minute <= 6; minute++) {
        await after(59 * SECOND + (minute === 1 ? SECOND : 0));
        states.push([ran.length, ended, (job.lastDate()!.getTime() - START) / (60 * SECOND)]);
        await after(SECOND);
        states.push([ran.length, ended]);
      }
      expect(states).toEqual([
        [1, 0, 1], [1, 0], [1, 0, 2], [1, 1], [2, 1, 3], [2, 1], [2, 1, 4], [2, 2], [3, 2, 5], [3, 2], [3, 2, 6], [3, 3],
      ]); // prettier-ignore
      expect(job.isActive).toBe(false);
      await after(300 * SECOND);
      expect(ran).toEqual([60, 180, 300]);
    });

    it('initialDelay does not start what is disabled', async () => {
      @Injectable()
      class Tasks {
        @Cron('* * * * * *', { disabled: true, initialDelay: 2_000 })
        work() {
          run();
        }
      }
      await start([Tasks]);
      await after(4 * SECOND);
      expect(ran).toEqual([]);
    });

    it.each<[string, string, object, RegExp]>([
      ['an expression that cannot be read', '61 * * * * *', {}, /61/],
      ['an unknown time zone', '* * * * * *', { timeZone: 'Mars/Base' }, /time ?zone/i],
      ['timeZone beside utcOffset', '* * * * * *', { timeZone: 'UTC', utcOffset: 60 }, /utcOffset/i],
    ])('does not start with %s', async (_what, expression, options, message) => {
      @Injectable()
      class Tasks {
        @Cron(expression, options)
        work() {}
      }
      await expect((await compile([Tasks])).init()).rejects.toThrow(message);
    });
  });

  describe('handlers', () => {
    it('are called on their provider', async () => {
      @Injectable()
      class Tasks {
        readonly seen: unknown[] = [];
        @Interval(1_000)
        interval(...args: unknown[]) {
          this.seen.push(['interval', args.length]);
        }
        @Timeout(1_000)
        timeout(...args: unknown[]) {
          this.seen.push(['timeout', args.length]);
        }
      }
      await start([Tasks]);
      await after(SECOND);
      expect(app!.get(Tasks).seen).toEqual(
        expect.arrayContaining([
          ['interval', 0],
          ['timeout', 0],
        ]),
      );
    });

    it('may throw and reject: that is logged, and they and all others go on', async () => {
      @Injectable()
      class Tasks {
        @Interval(1_000)
        throwing() {
          throw new Error('thrown');
        }
        @Interval(1_000)
        async rejecting() {
          return Promise.reject(new Error('rejected'));
        }
        @Cron('* * * * * *')
        cron() {
          throw new Error('cron');
        }
        @Timeout(1_000)
        timeout() {
          throw new Error('timeout');
        }
        @Interval(1_000)
        fine() {
          run();
        }
      }
      await start([Tasks]);
      await after(2 * SECOND);
      const logged = (text: string): number => errors.filter((error) => error.includes(text)).length;
      expect(['thrown', 'rejected', 'cron', 'timeout'].map(logged)).toEqual([2, 2, 2, 1]);
      expect(ran).toEqual([1, 2]);
    });

    it('that are due at one instant run in the order in which they were set, at the start by kind', async () => {
      const order: string[] = [];
      @Injectable()
      class Tasks {
        @Cron('*/5 * * * * *')
        cron() {
          order.push('cron');
        }
        @Cron('*/2 * * * * *')
        other() {
          order.push('other cron');
        }
        @Interval(2_000)
        interval() {
          order.push('interval');
        }
        @Interval(1_000)
        each() {
          order.push('each second');
        }
        @Timeout(10_000)
        timeout() {
          order.push('timeout');
        }
      }
      await start([Tasks]);
      await after(2_000);
      expect(order).toEqual(['each second', 'interval', 'other cron', 'each second']);
      await after(7_500);
      order.length = 0;
      await after(SECOND);
      expect(order).toEqual(['timeout', 'cron', 'interval', 'other cron', 'each second']);
    });

    // Of cron jobs, and of timers of different lengths, the real clock leaves the order open there as well.
    it('that wait equally long run in the order of their kind by the real clock', async () => {
      jest.useRealTimers();
      const order: string[] = [];
      const third = gate();
      @Injectable()
      class Tasks {
        @Interval(200)
        interval() {
          order.push('interval');
        }
        @Timeout(500)
        timeout() {
          order.push('timeout');
        }
        @Interval(200)
        otherInterval() {
          order.push('other interval');
          if (order.filter((name) => name === 'other interval').length === 3) third.open();
        }
        @Timeout(500)
        otherTimeout() {
          order.push('other timeout');
        }
      }
      await start([Tasks]);
      await third.opened;
      const of = (kind: string) => order.filter((name) => name.endsWith(kind));
      const intervals = ['interval', 'other interval'];
      expect(of('interval').slice(0, 6)).toEqual([...intervals, ...intervals, ...intervals]);
      expect(of('timeout')).toEqual(['timeout', 'other timeout']);
    });

    it('are found in controllers, in base classes, on values and on what factories make', async () => {
      const seen = new Set<string>();
      class Base {
        constructor(private readonly name = 'inherited') {}
        @Interval(1_000)
        work() {
          seen.add(this.name);
        }
      }
      @Injectable()
      class Derived extends Base {
        constructor() {
          super();
        }
      }
      @Controller()
      class Http extends Base {
        constructor() {
          super('controller');
        }
      }
      await start(
        [
          Derived,
          { provide: 'VALUE', useValue: new Base('value') },
          { provide: 'FACTORY', useFactory: async () => new Base('factory') },
        ],
        { controllers: [Http] },
      );
      await after(SECOND);
      expect([...seen].sort()).toEqual(['controller', 'factory', 'inherited', 'value']);
    });

    it('of a request-scoped provider do not run, which is a warning', async () => {
      @Injectable({ scope: Scope.REQUEST })
      class Tasks {
        @Cron('* * * * * *')
        cron() {
          run();
        }
        @Interval(1_000)
        interval() {
          run();
        }
        @Timeout(1_000)
        timeout() {
          run();
        }
      }
      @Injectable()
      class Dependent {
        constructor(readonly tasks: Tasks) {}
        @Interval(1_000)
        work() {
          run();
        }
      }
      await start([Tasks, Dependent]);
      expect(registry.getCronJobs()).toEqual(new Map());
      expect([...registry.getIntervals(), ...registry.getTimeouts()]).toEqual([]);
      await after(2 * SECOND);
      expect(ran).toEqual([]);
      expect(warnings).toEqual([
        expect.stringMatching(/cron job "?Tasks[@.]cron/),
        expect.stringMatching(/interval "?Tasks[@.]interval/),
        expect.stringMatching(/timeout "?Tasks[@.]timeout/),
        expect.stringMatching(/interval "?Dependent[@.]work/),
      ]);
    });

    it.each<[string, Wait | undefined]>([
      ['forRoot', undefined],
      ['a factory of forRootAsync', 'factory'],
      ['a class of forRootAsync', 'class'],
    ])('run by kind, as the flags of %s say', async (_what, wait) => {
      const seen = new Set<string>();
      @Injectable()
      class Tasks {
        @Cron('* * * * * *')
        cron() {
          seen.add('cron');
        }
        @Interval(1_000)
        interval() {
          seen.add('interval');
        }
        @Timeout(1_000)
        timeout() {
          seen.add('timeout');
        }
      }
      for (const [flag, left] of [
        ['cronJobs', ['interval', 'timeout']],
        ['intervals', ['cron', 'timeout']],
        ['timeouts', ['cron', 'interval']],
      ] as const) {
        await start([Tasks], { flags: { [flag]: false }, ...(wait && { wait }) });
        const entries = [
          registry.getCronJobs().size,
          registry.getIntervals().length,
          registry.getTimeouts().length,
        ];
        expect(entries).toEqual(
          ['cron', 'interval', 'timeout'].map((kind) => Number((left as readonly string[]).includes(kind))),
        );
        await after(SECOND);
        expect([...seen].sort()).toEqual(left);
        await close();
        seen.clear();
      }
    });

    it.each<[string, Wait | undefined]>([
      ['forRoot', undefined],
      ['a factory of forRootAsync', 'factory'],
      ['a class of forRootAsync', 'class'],
    ])('of every kind run without any flag of %s, and without a warning', async (_what, wait) => {
      @Injectable()
      class Tasks {
        @Cron('* * * * * *')
        cron() {
          run();
        }
        @Interval(1_000)
        interval() {
          run();
        }
        @Timeout(1_000)
        timeout() {
          run();
        }
      }
      await start([Tasks], wait && { wait });
      await after(SECOND);
      expect(ran).toEqual([1, 1, 1]);
      expect(warnings).toEqual([]);
    });

    it('run beside a provider that is an object without a prototype', async () => {
      @Injectable()
      class Tasks {
        @Interval(1_000)
        work() {
          run();
        }
      }
      const bare = Object.assign(Object.create(null) as object, { work: () => {} });
      await start([
        { provide: 'bare', useValue: bare },
        Tasks,
        { provide: 'empty', useFactory: () => Object.create(null) as object },
      ]);
      await after(SECOND);
      expect(ran).toEqual([1]);
    });

    it('may be two of one class name, and a cron job, an interval and a timeout of one name', async () => {
      const tasks = (): Provider => {
        @Injectable()
        class Tasks {
          @Interval(1_000)
          work() {
            run();
          }
        }
        return Tasks;
      };
      @Injectable()
      class Named {
        @Cron('* * * * * *', { name: 'notifications' })
        cron() {
          run();
        }
        @Interval('notifications', 1_000)
        interval() {
          run();
        }
        @Timeout('notifications', 1_000)
        timeout() {
          run();
        }
      }
      await start([tasks(), tasks(), Named]);
      await after(SECOND);
      expect(ran).toEqual([1, 1, 1, 1, 1]);
      registry.deleteInterval('notifications');
      await after(SECOND);
      expect(ran.length).toBe(5 + 3);
    });

    it.each<[string, (name: string) => MethodDecorator]>([
      ['cron jobs', (name) => Cron('* * * * * *', { name })],
      ['intervals', (name) => Interval(name, 1_000)],
      ['timeouts', (name) => Timeout(name, 1_000)],
    ])('may not be two %s of one name, be they of one provider or of two', async (what, decorate) => {
      @Injectable()
      class Tasks {
        @decorate('same')
        one() {}
        @decorate('same')
        two() {}
      }
      @Injectable()
      class First {
        @decorate('same')
        work() {}
      }
      @Injectable()
      class Second {
        @decorate('same')
        work() {}
      }
      const called = { 'cron jobs': 'Cron Job', intervals: 'Interval', timeouts: 'Timeout' }[what];
      for (const providers of [[Tasks], [First, Second]]) {
        const module = await compile(providers);
        await expect(module.init()).rejects.toThrow(`${called} with the given name (same) already exists.`);
      }
    });
  });

  describe.each([
    ['back by an hour', -HOUR],
    ['forward by an hour', HOUR],
  ])('when the wall clock is set %s', (_how, by) => {
    it('counts intervals and timeouts by the time that passes', async () => {
      const begin = performance.now();
      const at: Record<string, number[]> = { interval: [], timeout: [] };
      const note = (what: string): void => void at[what]!.push((performance.now() - begin) / SECOND);
      @Injectable()
      class Tasks {
        @Interval(3_000)
        interval() {
          note('interval');
        }
        @Timeout(5_000)
        timeout() {
          note('timeout');
        }
      }
      await start([Tasks]);
      await after(2 * SECOND);
      jest.setSystemTime(Date.now() + by);
      await after(11 * SECOND);
      expect(at).toEqual({ interval: [3, 6, 9, 12], timeout: [5] });
    });
  });

  describe('what a handler throws', () => {
    class OfTheHandler extends Error {}

    it.each<[string, () => unknown]>([
      [
        'throws',
        () => {
          throw new OfTheHandler('lost');
        },
      ],
      ['rejects', () => Promise.reject(new OfTheHandler('lost'))],
    ])('reaches the logger as it is, in the context Scheduler, when it %s', async (_how, fail) => {
      @Injectable()
      class Tasks {
        @Cron('* * * * * *')
        cron() {
          return fail();
        }
        @Interval(1_000)
        interval() {
          return fail();
        }
        @Timeout(1_000)
        timeout() {
          return fail();
        }
      }
      await start([Tasks]);
      await after(SECOND);
      expect(logged).toEqual(Array(3).fill([expect.any(OfTheHandler), 'Scheduler']));
    });

    it('is logged as it is when it is no error', async () => {
      @Injectable()
      class Tasks {
        @Interval(1_000)
        work(): void {
          // eslint-disable-next-line @typescript-eslint/only-throw-error
          throw 'a text';
        }
      }
      await start([Tasks]);
      await after(SECOND);
      expect(logged).toEqual([['a text', 'Scheduler']]);
    });
  });

  describe('handlers that are replaced', () => {
    it('are none when the provider has put a function without the decorator in their place', async () => {
      @Injectable()
      class Tasks {
        constructor() {
          this.work = this.work.bind(this);
        }
        @Interval(1_000)
        work() {
          run();
        }
      }
      await start([Tasks]);
      await after(2 * SECOND);
      expect(ran).toEqual([]);
    });

    it('are none when they are spied before the start, or undefined', async () => {
      @Injectable()
      class Tasks {
        @Interval(1_000)
        spied() {
          run();
        }
        @Interval(1_000)
        undefined?(): void {
          run();
        }
      }
      app = await compile([Tasks]);
      const tasks = app.get(Tasks);
      jest.spyOn(tasks, 'spied');
      tasks.undefined = undefined;
      await app.init();
      await after(2 * SECOND);
      expect(ran).toEqual([]);
    });

    it('run as they were when they are replaced after the start', async () => {
      @Injectable()
      class Tasks {
        @Interval(1_000)
        interval() {
          run();
        }
        @Cron('* * * * * *')
        cron() {
          run();
        }
      }
      await start([Tasks]);
      const tasks = app!.get(Tasks);
      const spy = jest.spyOn(tasks, 'interval').mockImplementation(() => {});
      tasks.cron = undefined!;
      await after(2 * SECOND);
      expect(ran).toEqual([1, 1, 2, 2]);
      expect(spy).not.toHaveBeenCalled();
      expect(errors).toEqual([]);
    });
  });

  describe('what the decorators do not refuse', () => {
    it.each(['', 'local', 'system', 'default', 'LOCAL', 'System'])(
      'takes the time zone %j for that of the process',
      async (timeZone) => {
        @Injectable()
        class Tasks {
          @Cron('0 0 * * * *', { name: 'job', timeZone })
          work() {
            run();
          }
        }
        await start([Tasks]);
        await after(HOUR);
        expect(ran).toEqual([3_600]);
      },
    );

    it.each<[unknown, number]>([
      ['30', 1_800],
      ['-30', 1_800],
      ['90', 1_800],
      [1_440, 3_600],
      [-1_440, 3_600],
    ])('takes %j for a utcOffset', async (utcOffset, second) => {
      @Injectable()
      class Tasks {
        @Cron('0 0 * * * *', { utcOffset: utcOffset as number })
        work() {
          run();
        }
      }
      await start([Tasks]);
      await after(HOUR);
      expect(ran).toEqual([second]);
    });

    it.each(['n'.repeat(500), ' ', '\t', 'half \ud83d'])('takes %j for a name', async (name) => {
      @Injectable()
      class Tasks {
        @Cron('* * * * * *', { name })
        cron() {
          run();
        }
        @Interval(name, 1_000)
        interval() {
          run();
        }
        @Timeout(name, 1_000)
        timeout() {
          run();
        }
      }
      await start([Tasks]);
      await after(SECOND);
      expect(ran).toEqual([1, 1, 1]);
      registry.getCronJob(name);
      registry.deleteCronJob(name);
      registry.deleteInterval(name);
      expect(registry.getTimeouts()).toEqual([name]);
      await after(SECOND);
      expect(ran).toEqual([1, 1, 1]);
    });

    it.each([NaN, undefined, null, '5s'])('takes a timeout of %p for one of a millisecond', async (ms) => {
      @Injectable()
      class Tasks {
        @Timeout(ms as number)
        work() {
          run();
        }
      }
      await start([Tasks]);
      await after(SECOND);
      expect(ran).toHaveLength(1);
      expect(ran[0]).toBeLessThanOrEqual(0.001);
    });

    it.each(['3000', 3_000])('takes an initialDelay of %j', async (initialDelay) => {
      @Injectable()
      class Tasks {
        @Cron('* * * * * *', { initialDelay: initialDelay as number })
        work() {
          run();
        }
      }
      await start([Tasks]);
      await after(5 * SECOND);
      expect(ran).toEqual([4, 5]);
    });
  });

  describe('SchedulerRegistry', () => {
    @Injectable()
    class Tasks {
      @Cron('* * * * * *', { name: 'cron' })
      cron() {
        run();
      }
      @Interval('interval', 1_000)
      interval() {
        run();
      }
      @Timeout('timeout', 1_000)
      timeout() {
        run();
      }
      @Interval(2_000)
      unnamed() {}
    }

    it('has every handler by its name, those without one too', async () => {
      await start([Tasks]);
      expect([...registry.getCronJobs().keys()]).toEqual(['cron']);
      expect(registry.getTimeouts()).toEqual(['timeout']);
      expect(registry.getIntervals()).toEqual(expect.arrayContaining(['interval', expect.any(String)]));
      expect(registry.getIntervals()).toHaveLength(2);
      expect(registry.doesExist('cron', 'cron')).toBe(true);
      expect(registry.doesExist('interval', 'interval')).toBe(true);
      expect(registry.doesExist('timeout', 'timeout')).toBe(true);
      expect(registry.doesExist('interval', 'cron')).toBe(false);
      expect(registry.getCronJob('cron')).toBeInstanceOf(CronJob);
      expect(registry.getInterval('interval')).toBeDefined();
      expect(registry.getTimeout('timeout')).toBeDefined();
    });

    it('says what it has not', async () => {
      await start([Tasks]);
      const not = (what: string): string =>
        `No ${what} was found with the given name (none). Check that you created one with a decorator or with the create API.`;
      expect(() => registry.getCronJob('none')).toThrow(not('Cron Job'));
      expect(() => registry.getInterval('none')).toThrow(not('Interval'));
      expect(() => registry.getTimeout('none')).toThrow(not('Timeout'));
      for (const kind of ['cron', 'interval', 'timeout'] as const)
        expect(registry.doesExist(kind, 'none')).toBe(false);
    });

    it('keeps the entry of a timeout that has fired', async () => {
      await start([Tasks]);
      await after(2 * SECOND);
      expect(registry.getTimeouts()).toEqual(['timeout']);
      registry.deleteTimeout('timeout');
      expect(registry.getTimeouts()).toEqual([]);
    });

    it('may be told by a handler to delete it, in the middle of its run', async () => {
      @Injectable()
      class Finite {
        constructor(private readonly schedulerRegistry: SchedulerRegistry) {}
        @Cron('* * * * * *', { name: 'finite' })
        async cron() {
          run();
          await Promise.resolve();
          this.schedulerRegistry.deleteCronJob('finite');
        }
        @Interval('finite', 2_000)
        interval() {
          run();
          this.schedulerRegistry.deleteInterval('finite');
        }
      }
      await start([Finite]);
      await after(5 * SECOND);
      expect(ran).toEqual([1, 2]);
      expect(registry.doesExist('cron', 'finite') || registry.doesExist('interval', 'finite')).toBe(false);
      expect(errors).toEqual([]);
    });

    it('can be injected in any module, and has the jobs when an application is bootstrapped', async () => {
      @Injectable()
      class Manager {
        job?: CronJob;
        constructor(private readonly schedulerRegistry: SchedulerRegistry) {}
        onApplicationBootstrap() {
          this.job = this.schedulerRegistry.getCronJob('cron');
        }
      }
      @Module({ providers: [Manager] })
      class FeatureModule {}
      await start([Manager, Tasks], { imports: [FeatureModule] });
      expect(app!.get(Manager).job).toBe(registry.getCronJob('cron'));
      expect(app!.select(FeatureModule).get(Manager).job).toBe(registry.getCronJob('cron'));
    });

    it('deletes: what is deleted does not run any more, and its name is free', async () => {
      await start([Tasks]);
      registry.deleteCronJob('cron');
      registry.deleteInterval('interval');
      registry.deleteTimeout('timeout');
      await after(3 * SECOND);
      expect(ran).toEqual([]);
      expect(registry.doesExist('cron', 'cron')).toBe(false);
      expect(() => registry.deleteInterval('interval')).toThrow(/No Interval was found/);
      registry.addInterval('interval', setInterval(run, 1_000));
      await after(SECOND);
      expect(ran).toEqual([4]);
    });

    it('takes jobs, intervals and timeouts of the application, and refuses a name that is taken', async () => {
      await start([Tasks]);
      registry.deleteCronJob('cron');
      registry.deleteInterval('interval');
      registry.deleteTimeout('timeout');
      const job = new CronJob('*/2 * * * * *', () => {
        run();
        throw new Error('of a dynamic job');
      });
      registry.addCronJob('dynamic', job);
      expect(() => registry.addCronJob('dynamic', job)).toThrow(/already exists/);
      registry.addInterval('dynamic', setInterval(run, 1_000));
      expect(() => registry.addInterval('dynamic', 0)).toThrow(/already exists/);
      registry.addTimeout('dynamic', setTimeout(run, 3_500));
      expect(() => registry.addTimeout('dynamic', 0)).toThrow(/already exists/);
      job.start();
      jest.spyOn(console, 'error').mockImplementation(() => {});
      await after(4 * SECOND);
      expect([...ran].sort()).toEqual([1, 2, 2, 3, 3.5, 4, 4]);
      registry.deleteCronJob('dynamic');
      registry.deleteInterval('dynamic');
      ran = [];
      await after(4 * SECOND);
      expect(ran).toEqual([]);
    });

    it('has a job of the application, which runs from when it is started until it is stopped or deleted', async () => {
      await start([Tasks]);
      registry.deleteCronJob('cron');
      registry.deleteInterval('interval');
      registry.deleteTimeout('timeout');
      const job = new CronJob(CronExpression.EVERY_SECOND, () => {
        run();
        if (ran.length === 3) void registry.getCronJob('dynamic').stop();
      });
      registry.addCronJob('dynamic', job);
      expect(registry.doesExist('cron', 'dynamic')).toBe(true);
      expect(registry.getCronJobs()).toEqual(new Map([['dynamic', job]]));
      expect(registry.getCronJob('dynamic')).toBe(job);
      await after(SECOND);
      expect([job.isActive, ran]).toEqual([false, []]);
      job.start();
      expect(job.isActive).toBe(true);
      await after(5 * SECOND);
      expect([job.isActive, ran]).toEqual([false, [2, 3, 4]]);
      job.start();
      await after(SECOND);
      registry.deleteCronJob('dynamic');
      await after(5 * SECOND);
      expect([job.isActive, ran.length]).toEqual([false, 4]);
      expect(registry.doesExist('cron', 'dynamic')).toBe(false);
      expect(() => registry.getCronJob('dynamic')).toThrow(
        /No Cron Job was found with the given name \(dynamic\)/,
      );
    });

    it.each(['throws', 'rejects'])(
      'tells the errorHandler of a job of the application that %s',
      async (how) => {
        await start([]);
        const failure = new Error('of a dynamic job');
        const heard: unknown[] = [];
        const job = CronJob.from({
          cronTime: CronExpression.EVERY_SECOND,
          onTick: () => {
            if (how === 'throws') throw failure;
            return Promise.reject(failure);
          },
          errorHandler: (error) => heard.push(error),
        });
        registry.addCronJob('failing', job);
        job.start();
        await after(2 * SECOND);
        expect(heard).toEqual([failure, failure]);
      },
    );

    it.each(['interval', 'timeout'] as const)(
      'has an %s of the application, until it is deleted',
      async (kind) => {
        await start([]);
        const [add, get, list, remove] =
          kind === 'interval'
            ? (['addInterval', 'getInterval', 'getIntervals', 'deleteInterval'] as const)
            : (['addTimeout', 'getTimeout', 'getTimeouts', 'deleteTimeout'] as const);
        const timer = kind === 'interval' ? setInterval(run, 2_500) : setTimeout(run, 2_500);
        registry[add]('dynamic', timer);
        expect(registry[list]()).toEqual(['dynamic']);
        expect(registry[get]('dynamic')).toBe(timer);
        expect(registry.doesExist(kind, 'dynamic')).toBe(true);
        registry[remove]('dynamic');
        expect(() => registry[get]('dynamic') as unknown).toThrow(
          /was found with the given name \(dynamic\)/,
        );
        expect(registry.doesExist(kind, 'dynamic')).toBe(false);
        await after(5 * SECOND);
        expect(ran).toEqual([]);
      },
    );

    it('gives timers of handlers that can be cleared, also by the handler itself', async () => {
      @Injectable()
      class Finite {
        constructor(private readonly schedulerRegistry: SchedulerRegistry) {}
        @Interval('finite', 2_500)
        interval() {
          run();
          clearInterval(this.schedulerRegistry.getInterval('finite') as NodeJS.Timeout);
        }
        @Timeout('never', 2_000)
        timeout() {
          run();
        }
      }
      await start([Finite]);
      clearTimeout(registry.getTimeout('never') as NodeJS.Timeout);
      // Where the interval were to go on, this would never end.
      jest.runAllTimers();
      await after(10 * SECOND);
      expect(ran).toEqual([2.5]);
    });

    it('is emptied when the application closes, and nothing runs any more', async () => {
      await start([Tasks]);
      registry.addTimeout('dynamic', setTimeout(run, 60_000));
      const job = new CronJob('* * * * * *', run, null, true);
      registry.addCronJob('dynamic', job);
      registry.addInterval('dynamic', setInterval(run, 1_000));
      await close();
      expect(registry.getCronJobs().size).toBe(0);
      expect(registry.getIntervals()).toEqual([]);
      expect(registry.getTimeouts()).toEqual([]);
      expect(jest.getTimerCount()).toBe(0);
      ran = [];
      await after(5 * SECOND);
      expect(ran).toEqual([]);
      expect(job.isActive).toBe(false);
    });
  });

  describe('a cron job of the registry', () => {
    async function startJob(options = {}, handler: () => unknown = () => {}): Promise<CronJob> {
      @Injectable()
      class Tasks {
        @Cron('* * * * * *', { name: 'job', ...options })
        work() {
          run();
          return handler();
        }
      }
      await start([Tasks]);
      return registry.getCronJob('job');
    }

    it('stop pauses it, start goes on with the next of its times', async () => {
      const job = await startJob();
      await after(2 * SECOND);
      void job.stop();
      expect(job.isActive).toBe(false);
      await after(3 * SECOND);
      job.start();
      job.start();
      expect(job.isActive).toBe(true);
      await after(2 * SECOND);
      expect(ran).toEqual([1, 2, 6, 7]);
    });

    it('stop can be awaited with waitForCompletion: until the active run has ended', async () => {
      const end = gate();
      const job = await startJob({ waitForCompletion: true }, () => end.opened);
      await after(SECOND);
      let stopped = false;
      void job.stop()!.then(() => (stopped = true));
      await after(500);
      expect([job.isCallbackRunning, stopped]).toEqual([true, false]);
      end.open();
      await after(500);
      expect([job.isCallbackRunning, stopped]).toEqual([false, true]);
    });

    it('setTime gives it other times, and leaves it stopped if it is', async () => {
      const job = await startJob();
      job.setTime(new CronTime('*/3 * * * * *'));
      await after(7 * SECOND);
      expect(ran).toEqual([3, 6]);
      void job.stop();
      job.setTime(new CronTime('* * * * * *'));
      await after(2 * SECOND);
      expect(job.isActive).toBe(false);
      expect(ran).toEqual([3, 6]);
      job.start();
      await after(2 * SECOND);
      expect(ran).toEqual([3, 6, 10, 11]);
    });

    it('setTime takes a date, at which it runs for the last time, and nothing that is no CronTime', async () => {
      const job = await startJob();
      job.setTime(new CronTime(new Date(START + 4_500)));
      await after(10 * SECOND);
      expect(ran).toEqual([4.5]);
      expect(() => job.setTime('* * * * * *' as unknown as CronTime)).toThrow(/CronTime/);
    });

    it('lastDate says when it ran, nextDate and nextDates when it will', async () => {
      const job = await startJob({ timeZone: 'Europe/Berlin' });
      expect(job.lastDate()).toBeNull();
      await after(2_500);
      expect(job.lastDate()).toEqual(new Date(START + 2 * SECOND));
      expect(job.nextDate().toMillis()).toBe(START + 3 * SECOND);
      expect(job.nextDate().zoneName).toBe('Europe/Berlin');
      expect(job.nextDates(3).map((date) => date.toMillis() - START)).toEqual([3_000, 4_000, 5_000]);
      void job.stop();
      expect(job.nextDates(2)).toHaveLength(2);
      expect(job.nextDates()).toEqual([]);
    });

    it('runs when it was deleted and added under another name, once it is started', async () => {
      const job = await startJob();
      await after(SECOND);
      registry.deleteCronJob('job');
      registry.addCronJob('moved', job);
      await after(2 * SECOND);
      expect([ran, job.isActive]).toEqual([[1], false]);
      job.start();
      expect(job.isActive).toBe(true);
      await after(2 * SECOND);
      expect(ran).toEqual([1, 4, 5]);
      void registry.getCronJob('moved').stop();
      await after(2 * SECOND);
      expect(ran).toEqual([1, 4, 5]);
      registry.deleteCronJob('moved');
      expect(errors).toEqual([]);
    });

    it('runs when it was deleted by its own handler, and added and started in the same breath', async () => {
      const job = await startJob({}, () => {
        if (ran.length > 1) return;
        registry.deleteCronJob('job');
        registry.addCronJob('job', job);
        job.setTime(new CronTime('*/3 * * * * *'));
        job.start();
      });
      await after(6 * SECOND);
      expect(ran).toEqual([1, 3, 6]);
      expect(job.nextDate().toMillis()).toBe(START + 9 * SECOND);
      expect(errors).toEqual([]);
    });

    it('can be asked and told anything once it was deleted', async () => {
      const job = await startJob();
      await after(SECOND);
      registry.deleteCronJob('job');
      expect(job.isActive).toBe(false);
      expect(job.lastDate()).toEqual(new Date(START + SECOND));
      expect(job.nextDate().toMillis()).toBe(START + 2 * SECOND);
      expect(job.nextDates(2)).toHaveLength(2);
      void job.stop();
      job.setTime(new CronTime('*/5 * * * * *'));
      expect(job.nextDate().toMillis()).toBe(START + 5 * SECOND);
      await job.fireOnTick();
      await after(10 * SECOND);
      expect([ran, job.isActive]).toEqual([[1, 1], false]);
      job.start();
      await after(5 * SECOND);
      expect(ran).toEqual([1, 1, 15]);
      expect(errors).toEqual([]);
    });

    it('lastDate moves with a time that is skipped, and not with fireOnTick', async () => {
      const end = gate();
      const job = await startJob({ waitForCompletion: true }, () => ran.length > 1 && end.opened);
      await job.fireOnTick();
      expect(job.lastDate()).toBeNull();
      await after(3_500);
      expect(ran).toEqual([0, 1]);
      expect(job.lastDate()).toEqual(new Date(START + 3 * SECOND));
      end.open();
    });

    it('fireOnTick runs it now, also when it is stopped; addCallback adds to what it does', async () => {
      const job = await startJob();
      void job.stop();
      await after(500);
      job.addCallback(() => void ran.push(-1));
      await job.fireOnTick();
      expect(ran).toEqual([0.5, -1]);
    });

    it('fireOnTick waits for the end of the run with waitForCompletion, and else for nothing', async () => {
      const end = gate();
      let fired = false;
      const fire = async (job: CronJob) => {
        fired = false;
        void job.fireOnTick().then(() => (fired = true));
        await after(500);
        return fired;
      };
      expect(await fire(await startJob({}, () => end.opened))).toBe(true);
      await close();
      expect(await fire(await startJob({ waitForCompletion: true }, () => end.opened))).toBe(false);
      end.open();
      await after(0);
      expect(fired).toBe(true);
    });

    it('fireOnTick does not reject when the handler fails', async () => {
      for (const waitForCompletion of [false, true]) {
        const job = await startJob({ waitForCompletion }, () => Promise.reject(new Error('by hand')));
        await job.fireOnTick();
        await after(0);
        await close();
      }
      expect(errors.filter((error) => error.includes('by hand'))).toHaveLength(2);
    });

    it('fireOnTick does nothing with waitForCompletion while a run is active', async () => {
      const end = gate();
      const job = await startJob({ waitForCompletion: true }, () => end.opened);
      await after(SECOND);
      await job.fireOnTick();
      expect(ran).toEqual([1]);
      end.open();
    });

    it('shows its options', async () => {
      const job = await startJob({ waitForCompletion: true, unrefTimeout: true, threshold: 1_000 });
      expect(job).toMatchObject({
        name: 'job',
        waitForCompletion: true,
        unrefTimeout: true,
        threshold: 1_000,
        runOnce: false,
      });
      expect(job.cronTime.source).toBe('* * * * * *');
    });
  });
});
