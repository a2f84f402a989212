import { Injectable, type Provider } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { gate } from '../../../test/support/gate.js';
import { RunRecorder } from '../history/run.recorder.js';
import { type Run } from '../history/run.js';
import { UnknownWorkerError, InvalidWorkersError } from '../registry/worker.errors.js';
import { ManualClock } from '../testing/manual-clock.js';
import { Clock } from '../timing/clock.js';
import { Interval } from '../worker/interval.decorator.js';
import { RunContext } from '../worker/run-context.js';
import { WorkerModule } from '../worker.module.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';
import { Scheduler } from './scheduler.js';
import { SchedulerStoppedError, WorkerBusyError } from './scheduler.errors.js';

const ignore = (): void => {};

describe('Scheduler', () => {
  let app: TestingModule;
  let clock: ManualClock;
  let scheduler: Scheduler;

  let warnings: string[];

  afterEach(async () => {
    const closed = app.close();
    await clock.advance('1m');
    await closed;
  });

  async function start(providers: Provider[], options: WorkerModuleOptions = {}): Promise<void> {
    clock = new ManualClock();
    warnings = [];
    app = await Test.createTestingModule({ imports: [WorkerModule.forRoot(options)], providers })
      .overrideProvider(Clock)
      .useValue(clock)
      .setLogger({ log: ignore, error: ignore, warn: (text: string) => warnings.push(text) })
      .compile();
    await app.init();
    scheduler = app.get(Scheduler);
  }

  const runs = (worker: string): Promise<Run[]> => app.get(RunRecorder).find({ worker, limit: 1000 });

  describe('ticking', () => {
    it('runs a decorated method at every slot, one interval apart, without drift however long runs take', async () => {
      const at: number[] = [];
      @Injectable()
      class Reporter {
        @Interval('reporter', '10s')
        async report() {
          at.push(clock.now());
          await new Promise<void>((resolve) => clock.setTimer(resolve, 3_333));
        }
      }
      await start([Reporter]);
      await clock.advance('65s');
      expect(at.length).toBeGreaterThanOrEqual(6);
      expect(new Set(at.map((t) => t % 10_000)).size).toBe(1);
      expect(at.slice(1).map((t, i) => t - at[i]!)).toEqual(at.slice(1).map(() => 10_000));
    });

    it('calls the method on its provider, with the run as its argument and as the current one below it', async () => {
      const seen: unknown[] = [];
      @Injectable()
      class Greeter {
        readonly greeting = 'hello';
        @Interval('greeter', '1s')
        async greet(context: RunContext) {
          await Promise.resolve();
          seen.push(this.greeting, RunContext.current() === context, context.worker, context.trigger);
          seen.push(context.slot?.getTime() === context.scheduledAt.getTime(), context.signal.aborted);
        }
      }
      await start([Greeter]);
      await clock.advance('1s');
      expect(seen).toEqual(['hello', true, 'greeter', 'schedule', true, false]);
      expect(RunContext.current()).toBeUndefined();
    });

    it('takes the interval from the provider itself, so that configuration can set it', async () => {
      @Injectable()
      class Configured {
        readonly every = '2s' as const;
        count = 0;
        @Interval<Configured>('configured', (self) => self.every)
        work() {
          this.count++;
        }
      }
      await start([Configured]);
      await clock.advance('20s');
      expect(app.get(Configured).count).toBe(10);
    });

    it('names a worker Class.method when it has no name', async () => {
      @Injectable()
      class Unnamed {
        @Interval('1h', { timeout: '1m' })
        work() {}
      }
      await start([Unnamed]);
      expect(scheduler.workers().map(({ name }) => name)).toEqual(['Unnamed.work']);
    });

    it('finds a method that a provider inherits', async () => {
      class Base {
        @Interval('inherited', '1h')
        work() {}
      }
      @Injectable()
      class Derived extends Base {}
      await start([Derived]);
      expect(scheduler.workerByName('inherited')).toBeDefined();
    });

    it('takes one instance under two tokens for one worker', async () => {
      @Injectable()
      class Once {
        @Interval('once', '1h')
        work() {}
      }
      await start([Once, { provide: 'alias', useExisting: Once }]);
      expect(scheduler.workers()).toHaveLength(1);
    });

    it('never ticks an event-driven worker, lists it, and runs it when triggered', async () => {
      let count = 0;
      @Injectable()
      class OnDemand {
        @Interval('on_demand', 0)
        work() {
          count++;
        }
      }
      await start([OnDemand]);
      await clock.advance('1d');
      expect(count).toBe(0);
      expect(scheduler.workerByName('on_demand')).toMatchObject({
        interval: 0,
        running: true,
        state: 'idle',
      });
      expect(scheduler.workerByName('on_demand')).not.toHaveProperty('nextRun');
      await (
        await scheduler.trigger('on_demand')
      ).ended;
      expect(count).toBe(1);
    });
  });

  describe('a run that outlasts its interval', () => {
    it('keeps the next ones from starting, and each slot that it takes is counted as skipped', async () => {
      const { opened, open } = gate();
      let count = 0;
      @Injectable()
      class Slow {
        @Interval('slow', '1s')
        async work() {
          count++;
          await opened;
        }
      }
      await start([Slow]);
      await clock.advance('5s');
      expect(count).toBe(1);
      expect(scheduler.workerByName('slow')).toMatchObject({
        state: 'executing',
        activeRuns: 1,
        skippedCount: 4,
      });
      open();
      await clock.advance('1s');
      expect(count).toBe(2);
    });
  });

  describe('errors', () => {
    it('keeps every worker ticking beside ones that throw, reject with a string, and never settle', async () => {
      const well: number[] = [];
      @Injectable()
      class Mixed {
        @Interval('throws', '1s')
        throws() {
          throw new TypeError('synchronously');
        }
        @Interval('rejects', '1s')
        rejects() {
          return Promise.reject('a string');
        }
        @Interval('hangs', '1s')
        hangs() {
          return new Promise(() => {});
        }
        @Interval('well', '1s')
        well() {
          well.push(clock.now());
        }
      }
      await start([Mixed], { drain: { timeout: 0, abortGrace: 0 } });
      await clock.advance('10s');
      expect(well).toHaveLength(10);
      expect(scheduler.workerByName('well')).toMatchObject({
        runCount: 10,
        consecutiveFailures: 0,
        conditions: [],
      });
      expect(scheduler.workerByName('throws')).toMatchObject({
        runCount: 10, state: 'idle', lastError: 'synchronously', consecutiveFailures: 10, conditions: ['failing'],
      }); // prettier-ignore
      expect(scheduler.workerByName('rejects')).toMatchObject({ runCount: 10, lastError: 'a string' });
      expect(scheduler.workerByName('hangs')).toMatchObject({
        runCount: 0, state: 'executing', skippedCount: 9, conditions: ['stale'],
      }); // prettier-ignore
      expect((await runs('throws'))[0]).toMatchObject({
        outcome: 'failed',
        error: {
          name: 'TypeError',
          message: 'synchronously',
          stack: expect.stringContaining('scheduler.spec'),
        },
      });
      expect((await runs('hangs')).map(({ outcome }) => outcome)).toEqual(['running']);
    });

    it('forgets the last error when a run succeeds', async () => {
      let fail = true;
      @Injectable()
      class Shaky {
        @Interval('shaky', '1s')
        work() {
          if (fail) throw new Error('not yet');
        }
      }
      await start([Shaky]);
      await clock.advance('3s');
      expect(scheduler.workerByName('shaky')).toMatchObject({ lastError: 'not yet', consecutiveFailures: 3 });
      fail = false;
      await clock.advance('1s');
      expect(scheduler.workerByName('shaky')).not.toHaveProperty('lastError');
      expect(scheduler.workerByName('shaky')).toMatchObject({ consecutiveFailures: 0, conditions: [] });
    });
  });

  describe('a blocked event loop', () => {
    it('gives every worker one run when it ends, counts the slots they missed, and names the blocker', async () => {
      let block = false;
      const others: number[] = [];
      @Injectable()
      class Blocked {
        @Interval('blocker', '1s')
        blocker() {
          if (block) clock.block('2s');
          block = false;
        }
        @Interval('other', '500ms')
        other() {
          others.push(clock.now());
        }
      }
      await start([Blocked]);
      await clock.advance('2s');
      others.length = 0;
      block = true;
      await clock.advance('1s');
      const blocked = (await runs('blocker')).filter((run) => run.blockedMs !== undefined);
      expect(blocked.map((run) => run.blockedMs)).toEqual([2_000]);
      const [first, second] = others.map((at) => at - blocked[0]!.startedAt.getTime());
      expect(
        others.filter(
          (at) => at < blocked[0]!.startedAt.getTime() + 2_000 && at > blocked[0]!.startedAt.getTime(),
        ),
      ).toEqual([]);
      expect(first! <= 2_000 || second! >= 2_000).toBe(true);
      // Four slots of 500 ms fell into the two seconds: one was run when they were over, three were missed.
      expect(scheduler.workerByName('other')).toMatchObject({ missedCount: 3, skippedCount: 0 });
    });

    it('names the run that blocks after its first await, when it is the only one that was on', async () => {
      let block = true;
      @Injectable()
      class Late {
        @Interval('late_blocker', '10s')
        async work() {
          await new Promise<void>((resolve) => clock.setTimer(resolve, 100));
          if (block) clock.block('3s');
          block = false;
        }
      }
      await start([Late]);
      await clock.advance('20s');
      const blocked = (await runs('late_blocker')).filter((run) => run.blockedMs !== undefined);
      expect(blocked).toHaveLength(1);
      expect(blocked[0]!.blockedMs).toBeGreaterThanOrEqual(2_750);
      expect(blocked[0]!.blockedMs).toBeLessThanOrEqual(3_250);
      expect(warnings).toEqual([expect.stringMatching(/^Worker "late_blocker" blocked the event loop/)]);
    });
  });

  describe('timeout', () => {
    it('aborts the signal, and a run that ends then is recorded as timed out', async () => {
      let reason: unknown;
      @Injectable()
      class Patient {
        @Interval('patient', '1m', { timeout: '5s' })
        work({ signal }: RunContext) {
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              reason = signal.reason;
              reject(signal.reason as Error);
            });
          });
        }
      }
      await start([Patient]);
      await clock.advance('66s');
      expect(reason).toMatchObject({ name: 'RunTimeoutError', worker: 'patient', timeout: 5_000 });
      const [run] = await runs('patient');
      expect(run).toMatchObject({ outcome: 'timed_out', error: { name: 'RunTimeoutError' } });
      expect(run!.endedAt!.getTime() - run!.startedAt.getTime()).toBe(5_000);
      expect(scheduler.workerByName('patient')).toMatchObject({ state: 'idle', lastDurationMs: 5_000 });
    });

    it('shows a run that is deaf to its signal as stuck, in its place, until it ends', async () => {
      const { opened, open } = gate();
      @Injectable()
      class Deaf {
        @Interval('deaf', '10s', { timeout: '2s' })
        work() {
          return opened;
        }
      }
      await start([Deaf]);
      await clock.advance('35s');
      expect(scheduler.workerByName('deaf')).toMatchObject({ state: 'stuck', activeRuns: 1, runCount: 0 });
      expect(scheduler.workerByName('deaf')!.conditions).toContain('stuck');
      await expect(scheduler.trigger('deaf')).rejects.toThrow(WorkerBusyError);
      open();
      await clock.advance(0);
      expect((await runs('deaf'))[0]).toMatchObject({ outcome: 'timed_out' });
    });

    it('leaves a run alone that ends in time', async () => {
      @Injectable()
      class Quick {
        signal?: AbortSignal;
        @Interval('quick', '10s', { timeout: '2s' })
        work({ signal }: RunContext) {
          this.signal = signal;
        }
      }
      await start([Quick]);
      await clock.advance('20s');
      expect(app.get(Quick).signal!.aborted).toBe(false);
      expect((await runs('quick'))[0]).toMatchObject({ outcome: 'succeeded' });
    });
  });

  describe('trigger', () => {
    @Injectable()
    class Echo {
      heard: unknown;
      hold?: Promise<void>;
      @Interval('echo', '1h')
      async work({ payload, progress }: RunContext) {
        this.heard = payload;
        progress(1, 2, 'half');
        await this.hold;
      }
    }

    it('runs a worker at once with a payload, beside its schedule, and tells how it ended', async () => {
      await start([Echo]);
      const next = scheduler.workerByName('echo')!.nextRun;
      const { runId, ended } = await scheduler.trigger('echo', { deep: true });
      const run = await ended;
      expect(run).toMatchObject({
        id: runId,
        trigger: 'manual',
        outcome: 'succeeded',
        progress: { done: 1, total: 2, message: 'half' },
      });
      expect(run.slot).toBeUndefined();
      expect(app.get(Echo).heard).toEqual({ deep: true });
      expect(scheduler.workerByName('echo')!.nextRun).toEqual(next);
    });

    it('tells how a run failed, without rejecting', async () => {
      await start([Echo]);
      app.get(Echo).hold = Promise.reject(new Error('broken'));
      const { ended } = await scheduler.trigger('echo');
      await expect(ended).resolves.toMatchObject({ outcome: 'failed', error: { message: 'broken' } });
    });

    it('is refused while a run is active, and names that run', async () => {
      const { opened, open } = gate();
      await start([Echo]);
      app.get(Echo).hold = opened;
      const { runId, ended } = await scheduler.trigger('echo');
      await clock.advance(0);
      await expect(scheduler.trigger('echo')).rejects.toThrow(WorkerBusyError);
      await expect(scheduler.trigger('echo')).rejects.toThrow(runId);
      expect(scheduler.workerByName('echo')!.progress).toEqual({ done: 1, total: 2, message: 'half' });
      open();
      await ended;
      await expect((await scheduler.trigger('echo')).ended).resolves.toMatchObject({ outcome: 'succeeded' });
    });

    it('of an unknown worker says which there are', async () => {
      await start([Echo]);
      await expect(scheduler.trigger('eco')).rejects.toThrow(new UnknownWorkerError('eco', ['echo']));
    });

    it('is refused when the scheduler is stopped', async () => {
      await start([Echo]);
      await scheduler.stop();
      await expect(scheduler.trigger('echo')).rejects.toThrow(SchedulerStoppedError);
    });
  });

  describe('register and unregister', () => {
    it('ticks a worker from when it is added until it is taken away', async () => {
      await start([]);
      let count = 0;
      scheduler.register({ name: 'added', interval: '1s', run: () => count++ });
      await clock.advance('3s');
      expect(count).toBe(3);
      await scheduler.unregister('added');
      await clock.advance('3s');
      expect(count).toBe(3);
      expect(scheduler.workers()).toEqual([]);
    });

    it('waits for an active run, and only then frees the name', async () => {
      const { opened, open } = gate();
      await start([]);
      const worker = { name: 'busy', interval: 0, run: () => opened };
      scheduler.register(worker);
      await scheduler.trigger('busy');
      const gone = scheduler.unregister('busy');
      expect(() => scheduler.register(worker)).toThrow(/"busy" is taken/);
      open();
      await gone;
      scheduler.register(worker);
    });

    it('refuses what cannot run, and a name that nobody has', async () => {
      await start([]);
      expect(() => scheduler.register({ name: '', interval: -1, run: () => {} })).toThrow(
        InvalidWorkersError,
      );
      await expect(scheduler.unregister('nobody')).rejects.toThrow(UnknownWorkerError);
    });
  });

  describe('start and stop', () => {
    it('ticks no more after stop, and again after start, with one run for the slots between', async () => {
      let count = 0;
      await start([]);
      scheduler.register({ name: 'w', interval: '1s', run: () => count++ });
      await clock.advance('2s');
      await scheduler.stop();
      expect(scheduler.workerByName('w')).toMatchObject({ running: false, state: 'stopped' });
      await clock.advance('1m');
      expect(count).toBe(2);
      scheduler.start();
      scheduler.start();
      await clock.advance('1s');
      expect(count).toBe(3);
    });

    it('lets a run end before the application closes', async () => {
      const { opened, open } = gate();
      await start([]);
      scheduler.register({ name: 'w', interval: 0, run: () => opened });
      const { ended } = await scheduler.trigger('w');
      let closed = false;
      const closing = app.close().then(() => (closed = true));
      await clock.advance('9s');
      expect(closed).toBe(false);
      open();
      await closing;
      await expect(ended).resolves.toMatchObject({ outcome: 'succeeded' });
    });

    it('aborts what outlasts the drain, waits for it to end, and records it as aborted', async () => {
      await start([], { drain: { timeout: '3s', abortGrace: '2s' } });
      scheduler.register({
        name: 'w',
        interval: 0,
        run: ({ signal }) =>
          new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason as Error)),
          ),
      });
      const { ended } = await scheduler.trigger('w');
      const before = clock.now();
      const closing = app.close();
      await clock.advance('4s');
      const run = await ended;
      await closing;
      expect(run).toMatchObject({ outcome: 'aborted', error: { name: 'RunAbortedError' } });
      expect(run.endedAt!.getTime() - before).toBe(3_000);
    });

    it('leaves a run behind that is deaf to its signal, recorded as aborted, and closes in time', async () => {
      await start([], { drain: { timeout: '3s', abortGrace: '2s' } });
      scheduler.register({ name: 'deaf', interval: 0, run: () => new Promise(() => {}) });
      await scheduler.trigger('deaf');
      const closing = app.close();
      await clock.advance('5s');
      await closing;
      expect((await runs('deaf'))[0]).toMatchObject({ outcome: 'aborted', endedAt: new Date(clock.now()) });
    });

    it('does not wait again for a run that it has left behind: a scheduler that was stopped closes at once', async () => {
      await start([], { drain: { timeout: '3s', abortGrace: '2s' } });
      scheduler.register({ name: 'deaf', interval: 0, run: () => new Promise(() => {}) });
      await scheduler.trigger('deaf');
      const stopping = scheduler.stop();
      await clock.advance('5s');
      await stopping;
      await app.close();
    });
  });
});
