import { afterEach, describe, expect, it } from '@jest/globals';
import { startWorkers, taking, type Workers } from '../../../test/support/workers.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { InMemoryRunStore } from '../history/in-memory-run.store.js';
import { ManualClock } from '../testing/manual-clock.js';
import { IntervalSchedule } from '../timing/interval-schedule.js';
import { type Timer } from '../timing/clock.js';
import { type RunContext } from '../worker/run-context.js';
import { type Worker } from '../worker/worker.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';
import { RunDroppedError } from './scheduler.errors.js';
import { type WorkerEvent } from './worker-events.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A history that outlives the process. */
class Persistent extends InMemoryRunStore {
  readonly slots = new Map<string, Date>();
  override lastSlots(): Promise<Map<string, Date>> {
    return Promise.resolve(this.slots);
  }
}

describe.each(['one process', 'a cluster'])('a worker of %s', (where) => {
  let workers: Workers;
  afterEach(() => workers.close());

  async function start(
    worker: Partial<Worker>,
    options?: WorkerModuleOptions,
    clock = new ManualClock(),
  ): Promise<void> {
    const coordination = where === 'a cluster' ? { coordination: new LocalCoordinator(clock) } : {};
    const all = [{ name: 'w', interval: '10s' as const, run: () => {}, ...worker }];
    workers = await startWorkers(all, { ...coordination, ...options }, clock);
  }
  const info = () => workers.scheduler.workerByName('w')!;
  const starts = async () => (await workers.runs('w')).map((run) => run.startedAt.getTime());
  const outcomes = async () => (await workers.runs('w')).map((run) => run.outcome);
  const gaps = (times: number[]) => times.slice(1).map((time, i) => time - times[i]!);

  describe('overlap', () => {
    const clock = () => new ManualClock();

    it('skip: a slot that meets a run does not take place', async () => {
      const c = clock();
      await start({ run: taking(c, 25_000) }, {}, c);
      await c.advance(info().nextRun!.getTime() + 50_001 - c.now());
      expect(info()).toMatchObject({ runCount: 1, activeRuns: 1, skippedCount: 4 });
      expect(gaps(await starts())).toEqual([30_000]);
    });

    it('queueOne: one waits for the end of the run, a newer one takes its place', async () => {
      const c = clock();
      await start({ overlap: 'queueOne', run: taking(c, 24_000) }, {}, c);
      const first = info().nextRun!.getTime();
      await c.advance(first - c.now() + 50_001);
      const runs = await workers.runs('w');
      // The slots at 0, 10, 20 (in the place of 10), 30, 40 (in the place of 30).
      expect(runs.map((run) => run.startedAt.getTime() - first)).toEqual([0, 24_000, 48_000]);
      expect(runs.map((run) => run.slot!.getTime() - first)).toEqual([0, 20_000, 40_000]);
      expect(info().skippedCount).toBe(2);
    });

    it('cancelRunning: the run is aborted, and the next starts when it has ended', async () => {
      const c = clock();
      await start({ overlap: 'cancelRunning', run: taking(c, 25_000) }, {}, c);
      await c.advance('31s');
      expect((await outcomes()).slice(0, 2)).toEqual(['aborted', 'aborted']);
      expect((await workers.runs('w'))[0]).toMatchObject({ error: { name: 'RunCancelledError' } });
      expect(gaps(await starts())).toEqual([10_000, 10_000]);
    });

    it('cancelRunning never has two runs on, also when the one is deaf to its signal', async () => {
      const c = clock();
      let on = 0;
      let most = 0;
      const slow = taking(c, 25_000, { deaf: true });
      await start({ overlap: 'cancelRunning', run: async (context: RunContext) => {
        most = Math.max(most, ++on);
        await slow(context);
        on--;
      } }, {}, c); // prettier-ignore
      await c.advance('2m');
      expect(most).toBe(1);
      expect(info().runCount).toBeGreaterThanOrEqual(4);
    });

    it('allow: runs go side by side', async () => {
      const c = clock();
      await start({ overlap: 'allow', run: taking(c, 25_000) }, {}, c);
      await c.advance(info().nextRun!.getTime() + 20_001 - c.now());
      expect(info()).toMatchObject({ activeRuns: 3, skippedCount: 0 });
      expect(gaps(await starts())).toEqual([10_000, 10_000]);
    });

    it('queueOne: a trigger waits for its turn, and hears when a newer one took its place', async () => {
      const c = clock();
      await start({ interval: 0, overlap: 'queueOne', run: taking(c, 1_000) }, {}, c);
      const { scheduler } = workers;
      const first = await scheduler.trigger('w');
      await c.advance('1ms');
      const [second, third] = [await scheduler.trigger('w'), await scheduler.trigger('w')];
      await c.advance('5s');
      await expect(second.ended).rejects.toThrow(RunDroppedError);
      await expect(first.ended).resolves.toMatchObject({ outcome: 'succeeded' });
      await expect(third.ended).resolves.toMatchObject({ outcome: 'succeeded', id: third.runId });
      expect(info().skippedCount).toBe(0);
    });
  });

  describe('spacing: delay', () => {
    it('starts the next run an interval after the last one ended', async () => {
      const c = new ManualClock();
      await start({ spacing: 'delay', run: taking(c, 7_000) }, {}, c);
      await c.advance('1m');
      expect(await starts()).toEqual([10_000, 27_000, 44_000].map((after) => Date.UTC(2026, 0, 1) + after));
      expect(info()).toMatchObject({ skippedCount: 0, missedCount: 0 });
    });

    it('plans no next run while one is on', async () => {
      const c = new ManualClock();
      await start({ spacing: 'delay', run: taking(c, 7_000) }, {}, c);
      await c.advance('12s');
      expect(info()).not.toHaveProperty('nextRun');
      await c.advance('5s');
      expect(info().nextRun).toEqual(new Date(c.now() + 10_000));
    });
  });

  describe('jitter', () => {
    it('delays each run by a share of the interval that differs from slot to slot, the same at every start', async () => {
      const once = async () => {
        await start({ jitter: 0.5 });
        await workers.clock.advance('10m');
        const runs = await workers.runs('w');
        return runs.map((run) => run.startedAt.getTime() - run.slot!.getTime());
      };
      const delays = await once();
      expect(delays.length).toBeGreaterThanOrEqual(59);
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...delays)).toBeLessThan(5_000);
      expect(Math.max(...delays)).toBeGreaterThan(4_000);
      expect(new Set(delays).size).toBeGreaterThan(50);
      await workers.close();
      expect(await once()).toEqual(delays);
    });

    it('records the delayed instant as the one it was scheduled at, and plans with it', async () => {
      await start({ jitter: '5s' });
      const planned = info().nextRun!;
      await workers.clock.advance('16s');
      expect((await workers.runs('w'))[0]).toMatchObject({ scheduledAt: planned, startedAt: planned });
    });

    it('ends before the next slot, however large it is', async () => {
      await start({ jitter: '1h' });
      await workers.clock.advance('10m');
      for (const run of await workers.runs('w'))
        expect(run.startedAt.getTime() - run.slot!.getTime()).toBeLessThan(10_000);
      expect(info()).toMatchObject({ missedCount: 0, skippedCount: 0 });
    });
  });

  describe('runOnStart', () => {
    it('runs at once, and then at its slots', async () => {
      await start({ runOnStart: true });
      await workers.clock.advance(0);
      expect(await starts()).toEqual([workers.clock.now()]);
      await workers.clock.advance('20s');
      expect(info().runCount).toBe(3);
    });

    it('runs an event-driven worker at once, too', async () => {
      await start({ interval: 0, runOnStart: true });
      await workers.clock.advance('1m');
      expect(info().runCount).toBe(1);
    });
  });

  describe('backoff', () => {
    const failing = (): { run: () => void; fail: boolean } => {
      const state = {
        fail: true,
        run: () => {
          if (state.fail) throw new Error('not yet');
        },
      };
      return state;
    };

    it('tries a failed slot again, waiting twice as long each time up to the maximum, and then goes on as planned', async () => {
      const worker = failing();
      await start({ interval: '1h', backoff: { initial: '10s', max: '60s' }, run: worker.run });
      await workers.clock.advance(info().nextRun!.getTime() - workers.clock.now());
      await workers.clock.advance('200s');
      expect(gaps(await starts())).toEqual([10_000, 20_000, 40_000, 60_000, 60_000]);
      const runs = await workers.runs('w');
      expect(runs.map((run) => run.trigger)).toEqual([
        'schedule',
        'retry',
        'retry',
        'retry',
        'retry',
        'retry',
      ]);
      expect(runs.map((run) => run.attempt)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(new Set(runs.map((run) => run.slot!.getTime())).size).toBe(1);
      worker.fail = false;
      await workers.clock.advance('60s');
      expect(info()).toMatchObject({ runCount: 7, consecutiveFailures: 0 });
      expect(info().nextRun).toEqual(new Date(runs[0]!.slot!.getTime() + HOUR));
    });

    it('skips slots that pass while it waits, and runs the latest when the wait is over', async () => {
      await start({ interval: '10s', backoff: '35s', run: failing().run });
      const first = info().nextRun!.getTime();
      await workers.clock.advance(first + 35_000 - workers.clock.now());
      const runs = await workers.runs('w');
      expect(runs.map((run) => run.startedAt.getTime() - first)).toEqual([0, 35_000]);
      expect(runs[1]).toMatchObject({ slot: new Date(first + 30_000), trigger: 'schedule', attempt: 1 });
      expect(info().skippedCount).toBe(2);
    });

    it('is off by default: the next run is at the next slot', async () => {
      await start({ run: failing().run });
      await workers.clock.advance('30s');
      expect(gaps(await starts())).toEqual([10_000, 10_000]);
    });

    it('ends when a trigger succeeds meanwhile', async () => {
      const worker = failing();
      await start({ interval: '10s', backoff: '1h', run: worker.run });
      await workers.clock.advance('25s');
      expect(info().runCount).toBe(1);
      worker.fail = false;
      await (
        await workers.scheduler.trigger('w')
      ).ended;
      await workers.clock.advance('20s');
      expect(info()).toMatchObject({ runCount: 4, consecutiveFailures: 0 });
    });
  });

  describe('counts', () => {
    it('begin with the process, or go on with the cluster, all of them; what was missed in between is told in both', async () => {
      const clock = new ManualClock();
      const history = new Persistent();
      const options = where === 'a cluster' ? { coordination: new LocalCoordinator(clock) } : { history };
      const told: string[] = [];
      const restart = async () => {
        workers = await startWorkers([], options, clock);
        workers.scheduler.events$.subscribe((event) => {
          if (event.type === 'run.missed') told.push(`${event.count} until ${event.slot?.toISOString()}`);
        });
        workers.scheduler.register({ name: 'w', interval: { cron: '0 * * * *', timeZone: 'UTC' }, run: ({ slot }) => {
          history.slots.set('w', slot!);
        } }); // prettier-ignore
      };
      await restart();
      await clock.advance('3h');
      expect(info()).toMatchObject({ runCount: 3, missedCount: 0 });
      await workers.close();
      await clock.advance('5h');
      await restart();
      await clock.advance('11s');
      // The latest of the five is caught up.
      expect(told).toEqual(['4 until 2026-01-01T07:00:00.000Z']);
      expect(info()).toMatchObject(
        where === 'a cluster' ? { runCount: 4, missedCount: 4 } : { runCount: 1, missedCount: 0 },
      );
      clock.block('3h');
      await clock.advance(1);
      expect(told.slice(1)).toEqual(['2 until 2026-01-01T10:00:00.000Z']);
      expect(info()).toMatchObject(
        where === 'a cluster' ? { runCount: 5, missedCount: 6 } : { runCount: 2, missedCount: 2 },
      );
    });
  });

  describe('late wake-ups', () => {
    it('a machine asleep for an hour yields one run of a one-minute worker, and 59 missed', async () => {
      await start({ interval: '1m' });
      await workers.clock.advance('3m');
      const { runCount } = info();
      workers.clock.block('1h');
      await workers.clock.advance(0);
      expect(info()).toMatchObject({ runCount: runCount + 1, missedCount: 59 });
      await workers.clock.advance('1m');
      expect(info()).toMatchObject({ runCount: runCount + 2, missedCount: 59 });
    });

    it('goes on when the wall clock is set back an hour, at the instants that come again', async () => {
      await start({ interval: '1m' });
      await workers.clock.advance('10m');
      const { runCount } = info();
      workers.clock.setWall(workers.clock.now() - HOUR);
      await workers.clock.advance('10m');
      expect(info().runCount).toBeGreaterThanOrEqual(runCount + 9);
      expect(info().runCount).toBeLessThanOrEqual(runCount + 11);
    });

    it('does not run a daily cron twice when the wall clock is set back an hour', async () => {
      const c = new ManualClock(Date.UTC(2026, 0, 1, 2, 50));
      await start({ interval: { cron: '0 3 * * *', timeZone: 'UTC' } }, {}, c);
      await c.advance('20m');
      expect(info().runCount).toBe(1);
      c.setWall(c.now() - HOUR);
      await c.advance('2h');
      expect(info().runCount).toBe(1);
      // A day of a cluster is half a million announcements.
      if (where === 'one process') await c.advance('23h');
      expect(info().runCount).toBe(where === 'one process' ? 2 : 1);
    });
  });

  describe('startDeadline', () => {
    it('skips a slot that a blocked process comes to too late, and goes on with the next', async () => {
      const c = new ManualClock();
      await start({ startDeadline: '1s' }, {}, c);
      await c.advance(info().nextRun!.getTime() - c.now());
      const runs = info().runCount;
      c.block('15s');
      await c.advance('1ms');
      expect(info()).toMatchObject({ runCount: runs, skippedCount: 1, activeRuns: 0 });
      await c.advance('6s');
      expect(info()).toMatchObject({ runCount: runs + 1, skippedCount: 1, missedCount: 0 });
      for (const { startedAt, slot } of await workers.runs('w'))
        expect(startedAt.getTime() - slot!.getTime()).toBeLessThanOrEqual(1_000);
    });

    it('skips a slot that waited too long for the end of another run', async () => {
      const c = new ManualClock();
      await start({ startDeadline: '1s', overlap: 'queueOne', run: taking(c, 14_000) }, {}, c);
      await c.advance(info().nextRun!.getTime() - c.now());
      await c.advance('15s');
      expect(info()).toMatchObject({ runCount: 1, activeRuns: 0, skippedCount: 1 });
      await c.advance('6s');
      expect(info()).toMatchObject({ activeRuns: 1, skippedCount: 1 });
    });

    it('runs late what is within it', async () => {
      const c = new ManualClock();
      await start({ startDeadline: '8s' }, {}, c);
      await c.advance(info().nextRun!.getTime() - c.now());
      const runs = info().runCount;
      c.block('17s');
      await c.advance('1ms');
      expect(info()).toMatchObject({ runCount: runs + 1, skippedCount: 0 });
    });
  });

  describe('while a run is active', () => {
    it('the next run is planned for the next slot, however long it takes', async () => {
      const c = new ManualClock();
      await start({ interval: '1m', run: taking(c, 50_000) }, {}, c);
      const first = info().nextRun!.getTime();
      await c.advance(first - c.now() + 40_000);
      expect(info()).toMatchObject({ state: 'executing', nextRun: new Date(first + 60_000) });
    });

    it('slots that pass are counted as they pass, and told one by one', async () => {
      const c = new ManualClock();
      await start({ run: taking(c, 95_000, { deaf: true }) }, {}, c);
      const told: WorkerEvent[] = [];
      workers.scheduler.events$.subscribe((event) => told.push(event));
      const first = info().nextRun!.getTime();
      await c.advance(first - c.now() + 45_000);
      expect(info()).toMatchObject({ activeRuns: 1, skippedCount: 4 });
      expect(told.filter(({ type }) => type === 'run.skipped')).toEqual(
        [1, 2, 3, 4].map((k) => ({
          type: 'run.skipped',
          worker: 'w',
          count: 1,
          slot: new Date(first + k * 10_000),
        })),
      );
    });
  });

  it('tells of every slot that it skips or misses, and of as many as it counts', async () => {
    const c = new ManualClock();
    let fail = false;
    await start(
      {
        backoff: '25s',
        run: async (context: RunContext) => {
          await taking(c, 13_000)(context);
          if (fail) throw new Error('as told');
        },
      },
      {},
      c,
    );
    const told = { 'run.skipped': 0, 'run.missed': 0 };
    workers.scheduler.events$.subscribe((event) => {
      if (event.type === 'run.skipped' || event.type === 'run.missed') told[event.type] += event.count;
    });
    await c.advance('1m');
    c.block('95s');
    await c.advance('30s');
    fail = true;
    await c.advance('2m');
    fail = false;
    await c.advance('2m');
    c.block('15s');
    await c.advance('16s');
    while (info().activeRuns > 0) await c.advance('1s');
    const { skippedCount, missedCount } = info();
    expect(missedCount).toBeGreaterThan(5);
    expect(skippedCount).toBeGreaterThan(10);
    expect(told).toEqual({ 'run.skipped': skippedCount, 'run.missed': missedCount });
  });

  it.each([undefined, null, 0, '', false, [], { id: 7 }])('hands over the payload %j', async (given) => {
    const seen: unknown[] = [];
    await start({ interval: 0, on: ['x.happened'], overlap: 'allow', run: ({ payload }: RunContext) => void seen.push(payload) }); // prettier-ignore
    await workers.clock.advance('2s');
    const { ended } = await workers.scheduler.trigger('w', given);
    await workers.clock.advance('2s');
    expect(await ended).toMatchObject({ outcome: 'succeeded' });
    expect(seen).toEqual([given]);
  });

  it('keeps no process alive with unref, also when nothing has run yet', async () => {
    class WatchedClock extends ManualClock {
      readonly keeping = new Set<object>();
      override setTimer(callback: () => void, delay: number, unref = false): Timer {
        const key = {};
        if (!unref) this.keeping.add(key);
        const timer = super.setTimer(() => {
          this.keeping.delete(key);
          callback();
        }, delay);
        return { cancel: () => (this.keeping.delete(key), timer.cancel()) };
      }
    }
    const c = new WatchedClock();
    await start({ unref: true }, {}, c);
    await c.advance('900ms');
    expect(c.keeping.size).toBe(0);
    await c.advance('21s');
    await c.advance('900ms');
    expect(info().runCount).toBeGreaterThan(0);
    expect(c.keeping.size).toBe(0);
  });

  describe('pause, resume and reschedule', () => {
    it('pause: no slot runs and none is counted, a trigger still runs; resume goes on with the next', async () => {
      await start({});
      await workers.clock.advance('20s');
      await workers.scheduler.pause('w');
      expect(info()).toMatchObject({ state: 'paused', running: true, runCount: 2, conditions: [] });
      expect(info()).not.toHaveProperty('nextRun');
      await workers.clock.advance('10m');
      expect(info()).toMatchObject({ runCount: 2, skippedCount: 0, missedCount: 0, conditions: [] });
      await (
        await workers.scheduler.trigger('w')
      ).ended;
      await workers.scheduler.resume('w');
      await workers.clock.advance('20s');
      expect(info()).toMatchObject({ state: 'idle', runCount: 5, missedCount: 0 });
    });

    it('resume: an interval that counts from the end of a run counts from there', async () => {
      await start({ spacing: 'delay' });
      await workers.clock.advance('20s');
      await workers.scheduler.pause('w');
      await workers.clock.advance('10m');
      const { runCount } = info();
      await workers.scheduler.resume('w');
      await workers.clock.advance(0);
      expect(info().nextRun!.getTime() - workers.clock.now()).toBe(10_000);
      await workers.clock.advance('9s');
      expect(info()).toMatchObject({ runCount });
      await workers.clock.advance('2s');
      expect(info()).toMatchObject({ runCount: runCount + 1 });
    });

    it('pause: what waits is dropped, what is on goes on', async () => {
      const c = new ManualClock();
      await start({ overlap: 'queueOne', run: taking(c, 15_000) }, {}, c);
      const first = info().nextRun!.getTime();
      await c.advance(first + 11_000 - c.now());
      await workers.scheduler.pause('w');
      await c.advance('1m');
      expect(await outcomes()).toEqual(['succeeded']);
      expect(info()).toMatchObject({ state: 'paused' });
      // The coordinator, which hears of the end later, does not know which slots had come before the pause.
      if (where === 'one process') expect(info().skippedCount).toBe(1);
    });

    it('reschedule: another interval from now on, also to cron and to event-driven', async () => {
      await start({});
      await workers.clock.advance('10s');
      await workers.scheduler.reschedule('w', '1h');
      expect(info()).toMatchObject({ interval: HOUR });
      await workers.clock.advance('59m');
      const before = info().runCount;
      await workers.clock.advance('1h');
      expect(info().runCount).toBe(before + 1);
      await workers.scheduler.reschedule('w', { cron: '@daily', timeZone: 'UTC' });
      expect(info()).toMatchObject({ interval: 0, cron: '@daily', nextRun: new Date(Date.UTC(2026, 0, 2)) });
      await workers.scheduler.reschedule('w', 0);
      expect(info()).not.toHaveProperty('nextRun');
    });

    it('reschedule: refuses what is none, and keeps the old one', async () => {
      await start({});
      const { nextRun } = info();
      await expect(workers.scheduler.reschedule('w', '5 bananas' as '5s')).rejects.toThrow(
        /"w" keeps its schedule: '5 bananas' is not a duration/,
      );
      await expect(workers.scheduler.reschedule('w', { cron: '61 * * * *' })).rejects.toThrow(/61/);
      expect(info().nextRun).toEqual(nextRun);
    });

    it.each<[string, Worker['interval']]>([
      ['an expression', { cron: '0 3 1 1 *' }],
      ['an instant', { at: new Date(Date.UTC(2030, 0, 1)) }],
    ])(
      'reschedule: refuses %s for a worker that counts from the end of its runs, which would run at once, for ever',
      async (_what, interval) => {
        await start({ spacing: 'delay' });
        const { runCount } = info();
        await expect(workers.scheduler.reschedule('w', interval)).rejects.toThrow(
          /"w" keeps its schedule: spacing: 'delay' counts an interval from the end of a run, and .* is none: give an interval/,
        );
        await workers.clock.advance('3s');
        expect(info().runCount - runCount).toBeLessThanOrEqual(3);
      },
    );
  });
});

describe('a worker of one process', () => {
  let workers: Workers;
  afterEach(() => workers.close());
  const info = () => workers.scheduler.workerByName('w')!;

  it('tries an event again with its payload', async () => {
    const seen: unknown[] = [];
    let happen = (_event: unknown): void => {};
    workers = await startWorkers([]);
    workers.sources.add({ subscribe: (_type, handler) => ((happen = handler), () => {}) });
    workers.scheduler.register({ name: 'w', interval: 0, on: ['x.happened'], backoff: '10s', run: ({ payload, attempt }) => {
      seen.push([payload, attempt]);
      if (attempt === 1) throw new Error('not yet');
    } }); // prettier-ignore
    happen({ id: 7 });
    await workers.clock.advance('10s');
    expect(seen).toEqual([[{ id: 7 }, 1], [{ id: 7 }, 2]]); // prettier-ignore
    expect((await workers.runs('w')).map((run) => run.trigger)).toEqual(['event', 'retry']);
  });

  it('runs once a month for a 30-day interval, which no timer of Node can wait for', async () => {
    workers = await startWorkers([{ name: 'w', interval: '30d', run: () => {} }]);
    await workers.clock.advance('90d');
    expect(
      (await workers.runs('w'))
        .map((run) => run.startedAt.getTime())
        .map((at, i, all) => at - all[i - 1]!)
        .slice(1),
    ).toEqual([30 * DAY, 30 * DAY]);
    // 130,000 hops of the alarm.
  }, 30_000);

  const NOW = Date.UTC(2026, 0, 1);
  const lastOf = (interval: number) => new IntervalSchedule('w', interval).latest(NOW);

  /** What was told as missed, since the start. */
  let missed: number[] = [];
  async function startAfter(lastSlot: number | undefined, worker: Partial<Worker>): Promise<void> {
    const history = new Persistent();
    if (lastSlot !== undefined) history.slots.set('w', new Date(lastSlot));
    missed = [];
    workers = await startWorkers([], { history });
    workers.scheduler.events$.subscribe((event) => {
      if (event.type === 'run.missed') missed.push(event.count);
    });
    workers.scheduler.register({ name: 'w', interval: '10s', run: () => {}, ...worker });
    await workers.clock.advance('11s');
  }

  it('runs the latest missed slot of a daily worker once, soon after the start, and tells of the others as missed', async () => {
    await startAfter(lastOf(DAY) - 3 * DAY, { interval: '1d' });
    expect(await workers.runs('w')).toMatchObject([{ trigger: 'catch_up', slot: new Date(lastOf(DAY)) }]);
    expect(info()).toMatchObject({ runCount: 1, missedCount: 0 });
    expect(missed).toEqual([2]);
  });

  it('has nothing to do when the last slot was run, or the worker has never run', async () => {
    await startAfter(lastOf(DAY), { interval: '1d' });
    expect(info()).toMatchObject({ runCount: 0, missedCount: 0 });
    await workers.close();
    await startAfter(undefined, { interval: '1d' });
    expect(info()).toMatchObject({ runCount: 0, missedCount: 0 });
  });

  it('is on by default for cron, and off for intervals below an hour', async () => {
    await startAfter(NOW - DAY - HOUR, { interval: { cron: '30 22 * * *', timeZone: 'UTC' } });
    expect(await workers.runs('w')).toMatchObject([
      { trigger: 'catch_up', slot: new Date(NOW - 1.5 * HOUR) },
    ]);
    await workers.close();
    await startAfter(lastOf(1_800_000) - 1_800_000 * 4, { interval: '30m' });
    expect(info()).toMatchObject({ runCount: 0, missedCount: 0 });
    expect(missed).toEqual([4]);
  });

  it('leaves a slot alone that is older than the limit', async () => {
    const age = NOW - lastOf(DAY);
    await startAfter(lastOf(DAY) - DAY, { interval: '1d', catchUp: age + 1 });
    expect(info().runCount).toBe(1);
    await workers.close();
    await startAfter(lastOf(DAY) - DAY, { interval: '1d', catchUp: age - 1 });
    expect(info()).toMatchObject({ runCount: 0, missedCount: 0 });
    expect(missed).toEqual([1]);
  });

  it('runs a daily worker once a day in an application that is restarted every hour', async () => {
    const slots: Date[] = [];
    const history = new Persistent();
    const clock = new ManualClock();
    for (let hour = 0; hour < 5 * 24; hour++) {
      workers = await startWorkers([{ name: 'w', interval: '1d', run: ({ slot }: RunContext) => {
          slots.push(slot!);
          history.slots.set('w', slot!);
        } }], { history }, clock); // prettier-ignore
      await clock.advance('55m');
      await workers.close();
      await clock.advance('299s');
    }
    expect(slots.length).toBe(5);
    expect(new Set(slots.map(Number)).size).toBe(5);
  }, 60_000);
});
