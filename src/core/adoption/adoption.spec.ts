import { type CanActivate, Injectable, type Provider, Scope, UseGuards } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { Cron, type CronOptions, Interval, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CronJob, CronTime } from 'cron';
import { gate } from '../../../test/support/gate.js';
import { InMemoryRunStore } from '../history/in-memory-run.store.js';
import { RunRecorder } from '../history/run.recorder.js';
import { type Run } from '../history/run.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { ManualClock } from '../testing/manual-clock.js';
import { Clock, SystemClock } from '../timing/clock.js';
import { Interval as WorkerInterval } from '../worker/interval.decorator.js';
import { WorkerModule } from '../worker.module.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';

const START = Date.UTC(2026, 2, 10, 12, 0, 0);
const DAY = 86_400_000;

describe('Adoption', () => {
  let clock: ManualClock;
  let app: TestingModule | undefined;
  let scheduler: Scheduler;
  let registry: SchedulerRegistry;
  let logs: string[];

  beforeEach(() => {
    clock = new ManualClock(START);
    logs = [];
  });
  afterEach(() => close());

  async function close(): Promise<void> {
    const closed = app?.close();
    app = undefined;
    await clock.advance('20s');
    await closed;
  }

  async function start(
    providers: Provider[],
    options: WorkerModuleOptions = {},
    use: Clock = clock,
  ): Promise<void> {
    const note = (text: unknown) => logs.push(String(text));
    const module = await Test.createTestingModule({ imports: [WorkerModule.forRoot(options)], providers })
      .overrideProvider(Clock)
      .useValue(use)
      .setLogger({ log: () => {}, warn: note, error: note })
      .compile();
    await module.init();
    app = module;
    scheduler = app.get(Scheduler);
    registry = app.get(SchedulerRegistry);
  }
  const info = (name: string) => scheduler.workerByName(name)!;
  const names = () => scheduler.workers().map(({ name }) => name);
  const runs = async (worker: string): Promise<Run[]> =>
    (await app!.get(RunRecorder).find({ worker, limit: 1_000 })).reverse();
  const startsOf = async (worker: string) =>
    (await runs(worker)).map(({ startedAt }) => startedAt.getTime() - START);

  describe('makes workers of decorated methods', () => {
    @Injectable()
    class Tasks {
      calls = 0;
      @Interval('often', 10_000)
      often() {
        this.calls++;
      }
      @Cron('0 3 * * *', { name: 'nightly', timeZone: 'UTC' })
      nightly() {
        throw new Error('out of disk');
      }
      @Timeout('once', 5_000)
      once() {}
      @Interval(60_000)
      unnamed() {}
    }

    it('which are listed, with Class.method for those without a name', async () => {
      await start([Tasks]);
      expect(scheduler.workers()).toMatchObject([
        { name: 'Tasks.unnamed', interval: 60_000, running: true, state: 'idle' },
        { name: 'nightly', interval: 0, cron: '0 3 * * *', nextRun: new Date('2026-03-11T03:00Z') },
        { name: 'often', interval: 10_000, nextRun: new Date(START + 10_000) },
        { name: 'once', interval: 0, nextRun: new Date(START + 5_000) },
      ]);
    });

    it('whose runs are on the clock of the framework, recorded and counted', async () => {
      await start([Tasks]);
      await clock.advance('1d');
      expect((await startsOf('often')).slice(-2)).toEqual([DAY - 10_000, DAY]);
      expect(app!.get(Tasks).calls).toBe(8_640);
      expect(await runs('nightly')).toMatchObject([{ outcome: 'failed', error: { message: 'out of disk' } }]);
      expect(info('nightly')).toMatchObject({ runCount: 1, lastError: 'out of disk' });
      expect(await startsOf('once')).toEqual([5_000]);
    });

    it('and @Timeout stays in the list when it has run, waits for nothing and is not stale', async () => {
      await start([Tasks]);
      await clock.advance('1h');
      expect(info('once')).toMatchObject({ runCount: 1, running: true, state: 'ended', conditions: [] });
      expect(info('once').nextRun).toBeUndefined();
      expect(scheduler.upcoming('once', 3)).toEqual([]);
    });

    it('which can be triggered, paused, resumed and rescheduled', async () => {
      await start([Tasks]);
      await expect((await scheduler.trigger('nightly')).ended).resolves.toMatchObject({ outcome: 'failed' });
      await scheduler.pause('nightly');
      expect(registry.getCronJob('nightly').isActive).toBe(false);
      await scheduler.resume('nightly');
      expect(registry.getCronJob('nightly').isActive).toBe(true);
      await scheduler.reschedule('often', '1m');
      await clock.advance('2m');
      expect(await startsOf('often')).toEqual([60_000, 120_000]);
    });

    it('which do not tick before the scheduler starts, and count from there', async () => {
      await start([Tasks], { autoStart: false });
      await clock.advance('1h');
      expect(registry.getCronJob('nightly').isActive).toBe(false);
      scheduler.start();
      await clock.advance('10s');
      expect(await startsOf('often')).toEqual([3_610_000]);
      expect(await startsOf('once')).toEqual([3_605_000]);
    });

    it('which options.workers overrides', async () => {
      await start([Tasks], {
        workers: {
          often: { interval: '1m', timeout: '5s' },
          nightly: { interval: { cron: '0 4 * * *', timeZone: 'UTC' } },
          once: { enabled: false },
        },
      });
      await clock.advance('2m');
      expect(await startsOf('often')).toEqual([60_000, 120_000]);
      expect(registry.getCronJob('nightly').nextDate().toUTC().hour).toBe(4);
      expect(info('once')).toMatchObject({ running: false, runCount: 0 });
      expect(logs).toEqual([]);
    });

    it('which are drained at shutdown, and listed as stopped after it', async () => {
      const began = gate();
      const mayEnd = gate();
      @Injectable()
      class Slow {
        @Interval('slow', 1_000)
        async work() {
          began.open();
          await mayEnd.opened;
        }
      }
      const history = new InMemoryRunStore();
      await start([Slow], { history });
      await clock.advance('1s');
      await began.opened;
      const closed = app!.close();
      expect(info('slow').activeRuns).toBe(1);
      mayEnd.open();
      await closed;
      app = undefined;
      expect(info('slow')).toMatchObject({ state: 'stopped', runCount: 1 });
      expect(await history.find({ worker: 'slow', limit: 5 })).toMatchObject([{ outcome: 'succeeded' }]);
    });
  });

  it('calls a handler without any argument, also of @Cron', async () => {
    const seen: unknown[][] = [];
    @Injectable()
    class Tasks {
      @Cron('* * * * * *')
      cron(...args: unknown[]) {
        seen.push(args);
      }
      @Interval(1_000)
      interval(...args: unknown[]) {
        seen.push(args);
      }
    }
    await start([Tasks]);
    await clock.advance('1s');
    expect(seen).toEqual([[], []]);
  });

  it('puts no guard around a handler', async () => {
    class Refuse implements CanActivate {
      canActivate = () => false;
    }
    @Injectable()
    @UseGuards(Refuse)
    class Tasks {
      @Interval('guarded', 1_000)
      work() {}
    }
    await start([Tasks], { globalEnhancers: true });
    await clock.advance('1s');
    expect(await runs('guarded')).toMatchObject([{ outcome: 'succeeded' }]);
  });

  it('takes no option that @Cron does not declare', async () => {
    @Injectable()
    class Tasks {
      @Cron('0 0 1 1 *', { name: 'cron', runOnInit: true, start: false } as CronOptions)
      work() {}
    }
    await start([Tasks]);
    await clock.advance('1m');
    expect(await runs('cron')).toEqual([]);
    expect(info('cron').nextRun).toBeDefined();
  });

  it('makes a millisecond of an interval or a timeout of 0', async () => {
    @Injectable()
    class Tasks {
      @Interval('interval', 0)
      interval() {}
      @Timeout('timeout', 0)
      timeout() {}
    }
    await start([Tasks]);
    await clock.advance(3);
    expect(await startsOf('interval')).toEqual([1, 2, 3]);
    expect(await startsOf('timeout')).toEqual([1]);
  });

  it('does not start with an interval that is none, and says where', async () => {
    @Injectable()
    class Tasks {
      @Interval('bad', NaN)
      bad() {}
    }
    await expect(start([Tasks])).rejects.toThrow(/Tasks\.bad .*NaN is not a duration/);
  });

  it('warns of a timeout whose length is no number, which runs after a millisecond', async () => {
    @Injectable()
    class Tasks {
      @Timeout('timeout', undefined as unknown as number)
      work() {}
    }
    await start([Tasks]);
    await clock.advance(1);
    expect(await startsOf('timeout')).toEqual([1]);
    expect(logs).toEqual(['Timeout "timeout": its length is no number, so it runs after a millisecond']);
  });

  it('warns of a decorated method that its provider has replaced, as that does not run', async () => {
    @Injectable()
    class Tasks {
      constructor() {
        this.work = this.work.bind(this);
      }
      @Interval(1_000)
      work() {}
    }
    await start([Tasks]);
    expect(names()).toEqual([]);
    expect(logs).toEqual([
      expect.stringContaining('The interval Tasks.work does not run: its provider has replaced'),
    ]);
  });

  it('runs an interval and a timeout of 30 days, which overflow timers of Node', async () => {
    @Injectable()
    class Tasks {
      @Interval('interval', 30 * DAY)
      interval() {}
      @Timeout('timeout', 30 * DAY)
      timeout() {}
      @Cron('0 0 12 * * *', { name: 'cron', timeZone: 'UTC', initialDelay: 30 * DAY })
      cron() {}
    }
    await start([Tasks]);
    await clock.advance('61d');
    expect(await startsOf('interval')).toEqual([30 * DAY, 60 * DAY]);
    expect(await startsOf('timeout')).toEqual([30 * DAY]);
    expect((await startsOf('cron'))[0]).toBe(31 * DAY);
  }, 120_000);

  describe('late', () => {
    @Injectable()
    class Tasks {
      @Interval('interval', 1_000)
      interval() {}
      @Cron('* * * * * *', { name: 'cron' })
      cron() {}
      @Cron('* * * * * *', { name: 'strict', threshold: 0 })
      strict() {}
      @Cron('* * * * * *', { name: 'tolerant', threshold: 300 })
      tolerant() {}
    }

    it('runs once after a blocked event loop, keeps its times and counts what it missed', async () => {
      await start([Tasks]);
      clock.block(5_300);
      await clock.advance('1s');
      for (const worker of ['interval', 'cron']) {
        expect(await startsOf(worker)).toEqual([5_300, 6_000]);
        expect(info(worker)).toMatchObject({ runCount: 2, missedCount: 4, skippedCount: 0 });
      }
    });

    it('threshold: runs within it, and skips beyond it', async () => {
      await start([Tasks]);
      clock.block(1_300);
      await clock.advance(0);
      expect(await startsOf('tolerant')).toEqual([1_300]);
      clock.block(1_001);
      await clock.advance(700);
      expect(await startsOf('tolerant')).toEqual([1_300, 3_000]);
      expect(info('tolerant')).toMatchObject({ skippedCount: 1, missedCount: 0 });
    });

    it('threshold 0 still allows for the few milliseconds that timers are late', async () => {
      await start([Tasks]);
      clock.block(1_050);
      await clock.advance(0);
      expect(await startsOf('strict')).toEqual([1_050]);
      clock.block(1_001);
      await clock.advance(0);
      expect(await startsOf('strict')).toEqual([1_050]);
    });
  });

  it('catches nothing up after downtime, unless options.workers says so', async () => {
    class Persistent extends InMemoryRunStore {
      override async lastSlots(workers: readonly string[]) {
        return new Map(workers.map((name) => [name, new Date(START - 3 * DAY)]));
      }
    }
    @Injectable()
    class Tasks {
      @Cron('0 3 * * *', { name: 'as there', timeZone: 'UTC' })
      asThere() {}
      @Cron('0 3 * * *', { name: 'better', timeZone: 'UTC' })
      better() {}
    }
    await start([Tasks], { history: new Persistent(), workers: { better: { catchUp: true } } });
    await clock.advance('1m');
    expect(await runs('as there')).toEqual([]);
    expect(await runs('better')).toMatchObject([
      { trigger: 'catch_up', slot: new Date('2026-03-10T03:00Z') },
    ]);
  });

  it('warns of a date that has passed, and starts', async () => {
    @Injectable()
    class Tasks {
      @Cron(new Date(START - DAY), { name: 'past' })
      work() {}
    }
    await start([Tasks]);
    expect(logs).toEqual([expect.stringMatching(/Cron job "past" does not run: .*2026.* has passed/)]);
    expect(registry.getCronJob('past').isActive).toBe(false);
  });

  it('warns of a transient provider, which @nestjs/schedule calls on an object that was never constructed', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Tasks {
      @Interval(1_000)
      work() {}
    }
    await start([Tasks]);
    expect(logs).toEqual([expect.stringMatching(/interval Tasks\.work does not run/)]);
    expect(names()).toEqual([]);
  });

  it('counts a provider once that has several tokens', async () => {
    @Injectable()
    class Tasks {
      @Interval('tasks', 1_000)
      work() {}
    }
    await start([Tasks, { provide: 'ALIAS', useExisting: Tasks }]);
    await clock.advance('1s');
    expect(await startsOf('tasks')).toEqual([1_000]);
  });

  describe('names', () => {
    const unnamed = (): Provider => {
      @Injectable()
      class Tasks {
        @Interval(1_000)
        work() {}
      }
      return Tasks;
    };

    it('a second worker of one name name#2, and keeps the entries of the registry apart', async () => {
      @Injectable()
      class Named {
        @Cron('* * * * * *', { name: 'same' })
        cron() {}
        @Interval('same', 1_000)
        interval() {}
      }
      await start([unnamed(), unnamed(), Named]);
      expect(names()).toEqual(['Tasks.work', 'Tasks.work#2', 'same', 'same#2']);
      registry.deleteInterval('same');
      registry.deleteInterval('Tasks.work#2');
      await clock.advance(0);
      expect(names()).toEqual(['Tasks.work', 'same']);
      expect(registry.getIntervals()).toEqual(['Tasks.work']);
    });

    it('and refuses two of one kind and name, and one that a worker of the framework has', async () => {
      @Injectable()
      class Twice {
        @Interval('same', 1_000)
        one() {}
        @Interval('same', 1_000)
        two() {}
      }
      @Injectable()
      class Ours {
        @WorkerInterval('ours', '1s')
        ours() {}
        @Cron('* * * * * *', { name: 'ours' })
        theirs() {}
      }
      await expect(start([Twice, Ours])).rejects.toThrow(
        /Twice\.two .*Interval with the given name \(same\) already exists\. It is Twice\.one[^]*Ours\.theirs .*"ours" is taken by Ours\.ours/,
      );
    });
  });

  describe('SchedulerRegistry', () => {
    @Injectable()
    class Tasks {
      @Interval('interval', 1_000)
      interval() {}
      @Timeout('timeout', 1_000)
      timeout() {}
      @Cron('* * * * * *', { name: 'cron' })
      cron() {}
    }

    it('deletes the worker with the entry', async () => {
      await start([Tasks]);
      registry.deleteInterval('interval');
      registry.deleteTimeout('timeout');
      registry.deleteCronJob('cron');
      await clock.advance('2s');
      expect(names()).toEqual([]);
      expect(logs).toEqual([]);
    });

    it('gives timers that can be cleared: clearInterval and clearTimeout take the worker away', async () => {
      await start([Tasks]);
      clearInterval(registry.getInterval('interval'));
      clearTimeout(registry.getTimeout('timeout'));
      await clock.advance('2s');
      expect(names()).toEqual(['cron']);
      registry.deleteInterval('interval');
      expect(logs).toEqual([]);
    });

    it('deletes an entry whose worker was unregistered before', async () => {
      await start([Tasks]);
      await Promise.all(['interval', 'cron'].map((name) => scheduler.unregister(name)));
      expect(registry.getCronJob('cron').isActive).toBe(false);
      registry.deleteInterval('interval');
      registry.deleteCronJob('cron');
      await clock.advance(0);
      expect(names()).toEqual(['timeout']);
      expect(logs).toEqual([]);
    });

    it('a job that is stopped shows as a worker that is paused, and setTime as its new schedule', async () => {
      await start([Tasks]);
      const job = registry.getCronJob('cron');
      void job.stop();
      expect(info('cron').state).toBe('paused');
      job.start();
      job.setTime(new CronTime('0 3 * * *', 'Asia/Tokyo'));
      expect(info('cron')).toMatchObject({
        state: 'idle',
        cron: '0 3 * * *',
        nextRun: new Date('2026-03-10T18:00Z'),
      });
    });
  });

  describe('a cron job of the registry', () => {
    it('says that its callback is running for as long as a run is active, not only with waitForCompletion', async () => {
      const mayEnd = gate();
      @Injectable()
      class Tasks {
        @Cron('* * * * * *', { name: 'cron' })
        work() {
          return mayEnd.opened;
        }
      }
      await start([Tasks]);
      await clock.advance('1s');
      void registry.getCronJob('cron').stop();
      expect(registry.getCronJob('cron').isCallbackRunning).toBe(true);
      mayEnd.open();
      await clock.advance(0);
      expect(registry.getCronJob('cron').isCallbackRunning).toBe(false);
    });

    it('does not listen to what is set on its properties', async () => {
      @Injectable()
      class Tasks {
        @Cron('* * * * * *', { name: 'cron' })
        work() {}
      }
      await start([Tasks]);
      registry.getCronJob('cron').threshold = 100;
      clock.block(1_900);
      await clock.advance(0);
      expect(await startsOf('cron')).toEqual([1_900]);
    });

    it('that the application has added itself is no worker: it runs, and is neither listed nor recorded', async () => {
      await start([]);
      let ran = false;
      registry.addCronJob('own', new CronJob('0 0 1 1 *', () => void (ran = true), null, true));
      await registry.getCronJob('own').fireOnTick();
      expect(ran).toBe(true);
      expect(names()).toEqual([]);
      expect(await app!.get(RunRecorder).find({ limit: 10 })).toEqual([]);
    });
  });

  it.each([
    [true, 0],
    [false, 1],
  ])('unrefTimeout: %p keeps the process alive by %p timers', async (unrefTimeout, timers) => {
    @Injectable()
    class Tasks {
      @Cron('0 0 1 1 *', { unrefTimeout })
      work() {}
    }
    // Only timers that keep the process alive are listed.
    const alive = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const before = alive();
    await start([Tasks], {}, new SystemClock());
    expect(alive() - before).toBe(timers);
  });
});
