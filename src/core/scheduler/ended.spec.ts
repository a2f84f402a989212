import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { testCluster, type TestCluster } from '../../../test/support/cluster.js';
import { taking, type Workers } from '../../../test/support/workers.js';
import { type ManualClock } from '../testing/manual-clock.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';
import { type RunContext } from '../worker/run-context.js';
import { type Worker } from '../worker/worker.js';

const START = new Date('2026-03-01T10:00:00Z');
const at = (seconds: number): Date => new Date(START.getTime() + seconds * 1_000);

describe.each<['in one process' | 'in a cluster']>([['in one process'], ['in a cluster']])(
  'a worker that ends, %s',
  (where) => {
    let cluster: TestCluster;
    let clock: ManualClock;
    /** Triggers of the runs that began. */
    let ran: string[];

    beforeEach(() => {
      cluster = testCluster();
      clock = cluster.clock;
      clock.setWall(START.getTime());
      ran = [];
    });
    afterEach(() => cluster.close());

    const join = (options: Partial<Worker>, more: WorkerModuleOptions = {}): Promise<Workers> =>
      cluster.join(
        () => [
          {
            name: 'w',
            interval: '10s',
            scope: where === 'in a cluster' ? 'cluster' : 'replica',
            ...options,
            run: (context: RunContext) => {
              ran.push(context.trigger);
              return options.run?.(context);
            },
          },
        ],
        more,
      );
    const info = async ({ scheduler }: Workers) => {
      const [shared] = await scheduler.status();
      const own = scheduler.workerByName('w')!;
      expect([own.state, own.nextRun]).toEqual([shared!.state, shared!.nextRun]);
      return own;
    };

    it('runs so often as its limit says, and then says that it has ended', async () => {
      const workers = await join({ limit: 3 });
      expect(await info(workers)).toMatchObject({ state: 'idle', remainingRuns: 3 });
      expect(workers.scheduler.upcoming('w', 10)).toHaveLength(3);
      await clock.advance('15s');
      const two = await info(workers);
      expect(two).toMatchObject({ state: 'idle', remainingRuns: 3 - ran.length });
      await clock.advance('3m');
      expect(ran).toEqual(['schedule', 'schedule', 'schedule']);
      const ended = await info(workers);
      expect(ended).toMatchObject({
        state: 'ended',
        running: true,
        runCount: 3,
        remainingRuns: 0,
        conditions: [],
      });
      expect(ended).toMatchObject({ skippedCount: 0, missedCount: 0 });
      expect(ended).not.toHaveProperty('nextRun');
      expect(workers.scheduler.upcoming('w', 10)).toEqual([]);
    });

    it.each<[string, Partial<Worker>]>([
      ['on a grid', {}],
      ['from the end of a run', { spacing: 'delay' }],
      ['by cron', { interval: { cron: '*/10 * * * * *' } }],
      ['with jitter', { jitter: 0.5 }],
    ])('runs no slot after its last instant: %s', async (_how, options) => {
      const workers = await join({ until: at(35), ...options });
      await clock.advance('3m');
      expect(ran.length).toBeGreaterThanOrEqual(3);
      expect(ran.length).toBeLessThanOrEqual(4);
      expect(await info(workers)).toMatchObject({
        state: 'ended',
        until: at(35),
        conditions: [],
        missedCount: 0,
      });
      expect(await info(workers)).not.toHaveProperty('nextRun');
      for (const run of await workers.runs('w'))
        expect(run.slot!.getTime()).toBeLessThanOrEqual(at(35).getTime());
    });

    it('has ended at its start when its last instant is past', async () => {
      const workers = await join({ until: START.toISOString().replace('10:00', '09:00'), runOnStart: true });
      await clock.advance('1m');
      expect(ran).toEqual([]);
      expect(await info(workers)).toMatchObject({ state: 'ended' });
    });

    it('can still be triggered, but hears no events', async () => {
      const workers = await join({ limit: 1, on: ['thing'] });
      await clock.advance('30s');
      const { ended } = await workers.scheduler.trigger('w');
      await clock.advance('1s');
      expect((await ended).outcome).toBe('succeeded');
      expect(ran).toEqual(['schedule', 'manual']);
      expect(await info(workers)).toMatchObject({ state: 'ended', remainingRuns: 0 });
    });

    it('counts no triggers and no retries', async () => {
      let fail = 2;
      const run = () => {
        if (fail-- > 0) throw new Error('no');
      };
      const workers = await join({ limit: 2, backoff: '1s', run });
      await clock.advance('2m');
      expect(ran).toEqual(['schedule', 'retry', 'retry', 'schedule']);
      await workers.scheduler.trigger('w');
      await clock.advance('2m');
      expect(ran).toEqual(['schedule', 'retry', 'retry', 'schedule', 'manual']);
    });

    it('tries the last run again when it fails, whatever slots pass meanwhile', async () => {
      let fail = true;
      const run = () => {
        if (!fail) return;
        fail = false;
        throw new Error('no');
      };
      const workers = await join({ limit: 1, backoff: '35s', run });
      await clock.advance('15s');
      expect(await info(workers)).toMatchObject({
        remainingRuns: 0,
        state: 'idle',
        nextRun: expect.any(Date),
      });
      await clock.advance('2m');
      expect(ran).toEqual(['schedule', 'retry']);
      expect(await info(workers)).toMatchObject({ state: 'ended', runCount: 2, skippedCount: 0 });
    });

    it('lets the last run take as long as it takes, and counts no slots that pass meanwhile', async () => {
      for (const overlap of ['skip', 'cancelRunning', 'queueOne', 'allow'] as const) {
        ran = [];
        const workers = await join({ name: overlap, limit: 1, overlap, run: taking(clock, 60_000) });
        await clock.advance('2m');
        expect(ran).toEqual(['schedule']);
        const own = workers.scheduler.workerByName(overlap)!;
        expect(own).toMatchObject({ state: 'ended', runCount: 1, skippedCount: 0 });
        const [run] = await workers.runs(overlap);
        expect(run).toMatchObject({ outcome: 'succeeded' });
      }
    });

    it('does not exceed its limit when runs wait for a place', async () => {
      const options = { overlap: 'allow' as const, limit: 3, run: taking(clock, 45_000) };
      const workers = await join(options, { maxConcurrentRuns: 1 });
      await clock.advance('3m');
      expect(ran).toHaveLength(3);
      expect(await info(workers)).toMatchObject({ state: 'ended', runCount: 3 });
    });

    it('goes on when the pause ends that it did not end in, and keeps the count over another schedule', async () => {
      const workers = await join({ limit: 3 });
      await clock.advance('15s');
      const before = ran.length;
      await workers.scheduler.pause('w');
      await clock.advance('3m');
      expect(ran).toHaveLength(before);
      await workers.scheduler.resume('w');
      await workers.scheduler.reschedule('w', '1m');
      await clock.advance('3m');
      expect(ran).toHaveLength(3);
      expect(await info(workers)).toMatchObject({ state: 'ended' });
    });

    it('keeps its end over another schedule', async () => {
      const workers = await join({ until: at(100) });
      await workers.scheduler.reschedule('w', '30s');
      await clock.advance('3m');
      expect(ran.length).toBeGreaterThanOrEqual(3);
      expect(ran.length).toBeLessThanOrEqual(4);
      expect(await info(workers)).toMatchObject({ state: 'ended' });
    });

    it('has ended as well when it runs once, and has', async () => {
      const workers = await join({ interval: { at: at(20) } });
      expect(await info(workers)).toMatchObject({ state: 'idle', nextRun: at(20) });
      await clock.advance('1m');
      expect(ran).toEqual(['schedule']);
      expect(await info(workers)).toMatchObject({ state: 'ended' });
    });
  },
);

describe('the limit of a worker of a cluster', () => {
  it('is of all replicas together, and over restarts', async () => {
    const cluster = testCluster();
    let ran = 0;
    const worker = (limit: number) => (): Worker[] => [
      { name: 'w', interval: '10s', limit, run: () => void ran++ },
    ];
    await cluster.join(worker(5));
    await cluster.join(worker(5));
    await cluster.clock.advance('25s');
    expect(ran).toBeGreaterThanOrEqual(2);
    await cluster.close();
    await cluster.join(worker(5));
    await cluster.join(worker(5));
    await cluster.clock.advance('3m');
    expect(ran).toBe(5);
    await cluster.close();
    const { scheduler } = await cluster.join(worker(7));
    expect(scheduler.workerByName('w')).toMatchObject({ state: 'idle', remainingRuns: 2 });
    await cluster.clock.advance('3m');
    expect(ran).toBe(7);
    expect(scheduler.workerByName('w')).toMatchObject({ state: 'ended' });
    await cluster.close();
  });
});

describe('a worker whose end cannot be', () => {
  const cluster = testCluster();
  afterEach(() => cluster.close());

  it.each<[string, Partial<Worker>, RegExp]>([
    ['a limit of 0', { limit: 0 }, /limit: 0 is no number of runs: give a whole number/],
    ['half a run', { limit: 1.5 }, /limit: 1\.5 is no number/],
    ['a text', { limit: '3' as never }, /limit: 3 is no number|limit: "?3/],
    ['no date', { until: new Date('x') }, /until: .* is no instant/],
    ['an instant without a time zone', { until: '2026-12-31T23:59:59' }, /until: 2026-12-31T23:59:59 is no instant/],
    ['a day that there is not', { until: '2026-02-30T23:59:59Z' }, /until: 2026-02-30T23:59:59Z is no instant/],
    ['a number', { until: 5 as never }, /until: 5 is no instant/],
    ['a limit of what has no schedule', { interval: 0, limit: 3 }, /limit: it ends a schedule, and an event-driven worker has none/],
    ['an end of what has no schedule', { interval: 0, until: START }, /until: it ends a schedule/],
  ])('is refused, naming the value and the fix: %s', async (_what, options, message) => {
    const { scheduler } = await cluster.join(() => []);
    const register = () => scheduler.register({ name: 'w', interval: '1s', run: () => {}, ...options });
    expect(register).toThrow(message);
  });
}); // prettier-ignore
