import { afterEach, describe, expect, it } from '@jest/globals';
import { startWorkers, taking, type Workers } from '../../../../test/support/workers.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { SystemClock } from '../../timing/clock.js';
import { IntervalSchedule } from '../../timing/interval-schedule.js';
import { type Worker } from '../../worker/worker.js';
import { InvalidScheduleError } from '../scheduler.errors.js';

const DAY = 86_400_000;

/** Workers whose times hang on their start, or on one instant. */
describe('WorkerLoop', () => {
  let workers: Workers;
  afterEach(() => workers.close());

  async function start(worker: Partial<Worker>, clock = new ManualClock()): Promise<number> {
    workers = await startWorkers([{ name: 'w', interval: '10s', run: () => {}, ...worker }], {}, clock);
    return clock.now();
  }
  const info = () => workers.scheduler.workerByName('w')!;
  const starts = async (since: number) =>
    (await workers.runs('w')).map((run) => run.startedAt.getTime() - since);

  describe('spacing: start', () => {
    it('runs an interval after the start, and every interval from then on, however long runs take', async () => {
      const clock = new ManualClock();
      const began = await start({ spacing: 'start', run: taking(clock, 12_000) }, clock);
      await clock.advance('45s');
      expect(await starts(began)).toEqual([10_000, 30_000]);
      expect(info()).toMatchObject({ skippedCount: 2, missedCount: 0 });
    });

    it('counts from the new start when it is stopped and started, and when it is rescheduled', async () => {
      const clock = new ManualClock();
      const began = await start({ spacing: 'start' }, clock);
      await clock.advance('13s');
      await workers.scheduler.stop();
      workers.scheduler.start();
      await clock.advance('12s');
      await workers.scheduler.reschedule('w', '4s');
      await clock.advance('8s');
      expect(await starts(began)).toEqual([10_000, 23_000, 29_000, 33_000]);
    });

    it('keeps its slots over a blocked event loop and a pause', async () => {
      const clock = new ManualClock();
      const began = await start({ spacing: 'start' }, clock);
      clock.block('34s');
      await clock.advance(0);
      await workers.scheduler.pause('w');
      await clock.advance('20s');
      await workers.scheduler.resume('w');
      await clock.advance('10s');
      expect(await starts(began)).toEqual([34_000, 60_000]);
      expect(info().missedCount).toBe(2);
    });

    it('keeps its pace when the wall clock is set back, or forward', async () => {
      const clock = new ManualClock();
      const began = await start({ spacing: 'start' }, clock);
      await clock.advance('20s');
      clock.setWall(began + 20_000 - 3_600_000);
      await clock.advance('1m');
      expect(info().runCount).toBe(8);
      clock.setWall(began + 7_200_000);
      await clock.advance('20s');
      expect(info()).toMatchObject({ runCount: 10, missedCount: 0 });
    });

    it('is not for cron', async () => {
      await start({});
      expect(() =>
        workers.scheduler.register({
          name: 'cron',
          interval: { cron: '@daily' },
          spacing: 'start',
          run() {},
        }),
      ).toThrow(/spacing: 'start' counts an interval from the start, and "@daily" is none/);
    });
  });

  describe('once', () => {
    it('at an instant: runs then, stays in the list and waits for nothing', async () => {
      const clock = new ManualClock();
      const at = new Date(clock.now() + 40 * DAY);
      const began = await start({ interval: { at } }, clock);
      expect(info()).toMatchObject({ interval: 0, nextRun: at, running: true });
      await clock.advance('100d');
      expect(await starts(began)).toEqual([40 * DAY]);
      expect(info()).toMatchObject({ state: 'ended', running: true, conditions: [], missedCount: 0 });
      expect(info().nextRun).toBeUndefined();
    });

    it('so long after the start', async () => {
      const clock = new ManualClock();
      const began = await start({ interval: { after: '5s' } }, clock);
      await clock.advance('1h');
      expect(await starts(began)).toEqual([5_000]);
    });

    it('runs on start as well, if it is told so, for no slot', async () => {
      const clock = new ManualClock();
      const began = await start({ interval: { after: '5s' }, runOnStart: true }, clock);
      await clock.advance('1h');
      expect(await starts(began)).toEqual([0, 5_000]);
      expect((await workers.runs('w'))[0]!.slot).toBeUndefined();
    });

    it('is tried again after a failure, with backoff', async () => {
      const clock = new ManualClock();
      let calls = 0;
      const run = () => {
        if (++calls < 3) throw new Error('not yet');
      };
      const began = await start({ interval: { after: '5s' }, backoff: '1s', run }, clock);
      await clock.advance('1h');
      expect(await starts(began)).toEqual([5_000, 6_000, 8_000]);
      expect(info().nextRun).toBeUndefined();
    });

    it('can be rescheduled to another instant, not to one that is none', async () => {
      const clock = new ManualClock();
      const began = await start({ interval: { after: '5s' } }, clock);
      await clock.advance('10s');
      await workers.scheduler.reschedule('w', { at: new Date(began + 15_000) });
      await clock.advance('1h');
      expect(await starts(began)).toEqual([5_000, 15_000]);
      const invalid = workers.scheduler.reschedule('w', { at: new Date('soon') });
      await expect(invalid).rejects.toThrow(InvalidScheduleError);
      await expect(invalid).rejects.toThrow(/at: Invalid Date is not a date/);
    });
  });

  describe('startDeadline', () => {
    it('skips a slot that could only start later than that, and runs what is not so late', async () => {
      const clock = new ManualClock();
      const began = await start({ spacing: 'start', startDeadline: '2s' }, clock);
      clock.block('12s');
      await clock.advance(0);
      clock.block('10001ms');
      await clock.advance('8s');
      expect(await starts(began)).toEqual([12_000, 30_000]);
      expect(info()).toMatchObject({ skippedCount: 1, missedCount: 0 });
    });

    it('is a duration', async () => {
      await start({});
      const bad = { name: 'bad', interval: '1s', startDeadline: 'soon' as '1s', run() {} } as const;
      expect(() => workers.scheduler.register(bad)).toThrow(/startDeadline: 'soon' is not a duration/);
    });
  });

  describe('upcoming', () => {
    it('tells the next slots, also of a worker that is paused or not started', async () => {
      const clock = new ManualClock();
      const now = await start(
        { interval: { cron: '*/20 * * * * *', timeZone: 'UTC' }, enabled: false },
        clock,
      );
      const next = () => workers.scheduler.upcoming('w', 3).map((date) => date.getTime() - now);
      expect(next()).toEqual([20_000, 40_000, 60_000]);
      await clock.advance('25s');
      expect(next()).toEqual([40_000, 60_000, 80_000]);
    });

    it('tells what is left, and nothing where it depends on runs or triggers', async () => {
      const clock = new ManualClock();
      await start({ interval: { at: new Date(clock.now() + 1_000) } }, clock);
      const { scheduler } = workers;
      scheduler.register({ name: 'delay', interval: '1s', spacing: 'delay', run() {} });
      scheduler.register({ name: 'event', interval: 0, run() {} });
      scheduler.register({ name: 'slot', interval: '1m', run() {} });
      expect(scheduler.upcoming('w', 3)).toHaveLength(1);
      expect(scheduler.upcoming('delay', 3)).toEqual([]);
      expect(scheduler.upcoming('event', 3)).toEqual([]);
      const first = new IntervalSchedule('slot', 60_000).next(clock.now());
      expect(scheduler.upcoming('slot', 2)).toEqual([new Date(first), new Date(first + 60_000)]);
    });
  });

  it('keeps the process alive for its next slot, but with unref', async () => {
    await start({ enabled: false });
    // Only timers that keep the process alive are listed.
    const alive = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const before = alive();
    const clock = new SystemClock();
    const timers = [clock.setTimer(() => {}, 1_000_000), clock.setTimer(() => {}, 1_000_000, true)];
    expect(alive()).toBe(before + 1);
    for (const timer of timers) timer.cancel();
  });
});
