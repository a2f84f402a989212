import { afterEach, describe, expect, it } from '@jest/globals';
import { startWorkers, taking, type Workers } from '../../../test/support/workers.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { ManualClock } from '../testing/manual-clock.js';
import { type RunContext } from '../worker/run-context.js';
import { type OverlapPolicy } from '../worker/worker-options.js';
import { type Worker } from '../worker/worker.js';

const NEVER = { id: 'never' };

describe.each(['one process', 'a cluster'])('a failed run that is tried again, in %s', (where) => {
  let workers: Workers;
  let clock: ManualClock;
  /** When the first slot or event came. */
  let from: number;
  let happen: (event: unknown) => void;
  /** Of the runs to come, how many fail. */
  let failures: number;
  /** Of the runs, one after the other. */
  let payloads: unknown[];
  afterEach(() => workers.close());

  /** @param takes how long each run takes, milliseconds */
  async function start(worker: Partial<Worker>, takes = 0): Promise<void> {
    clock = new ManualClock();
    failures = Infinity;
    payloads = [];
    const slow = taking(clock, takes);
    const run = async (context: RunContext): Promise<void> => {
      payloads.push(context.payload);
      if (takes > 0) await slow(context);
      if (failures-- > 0) throw new Error('not yet');
    };
    workers = await startWorkers(
      [],
      where === 'a cluster' ? { coordination: new LocalCoordinator(clock) } : {},
      clock,
    );
    workers.sources.add({ subscribe: (_type, handler) => ((happen = handler), () => {}) });
    workers.scheduler.register({
      name: 'w',
      interval: 0,
      on: ['x.happened'],
      backoff: '10s',
      run,
      ...worker,
    });
    // The coordinator knows it.
    await clock.advance('2s');
    from = clock.now();
  }

  async function startAtSlot(worker: Partial<Worker>, takes = 0): Promise<void> {
    await start(worker, takes);
    from = info().nextRun!.getTime();
    await clock.advance(from - clock.now());
  }

  const info = () => workers.scheduler.workerByName('w')!;
  /** What is let happen, and heard. */
  async function event(payload: unknown): Promise<void> {
    happen(payload);
    await clock.advance(0);
  }
  const told = async () => {
    const runs = await workers.runs('w');
    return runs.map(({ startedAt, trigger, attempt, outcome }) => [
      startedAt.getTime() - from,
      trigger,
      attempt,
      outcome,
    ]);
  };
  const slots = async () => (await workers.runs('w')).map(({ slot }) => slot && slot.getTime() - from);

  describe('of an event', () => {
    it('has its payload, and waits twice as long each time, until it succeeds', async () => {
      const seen: unknown[] = [];
      await start({
        backoff: { initial: '10s', max: '30s' },
        run: ({ payload, attempt }) => {
          seen.push([payload, attempt]);
          if (attempt < 5) throw new Error('not yet');
        },
      });
      await event({ for: ['you'] });
      await clock.advance('2m');
      expect(await told()).toEqual([
        [0, 'event', 1, 'failed'],
        [10_000, 'retry', 2, 'failed'],
        [30_000, 'retry', 3, 'failed'],
        [60_000, 'retry', 4, 'failed'],
        [90_000, 'retry', 5, 'succeeded'],
      ]);
      expect(seen).toEqual([1, 2, 3, 4, 5].map((attempt) => [{ for: ['you'] }, attempt]));
      expect(info()).toMatchObject({ runCount: 5, consecutiveFailures: 0 });
    });

    it('is not limited by maxAttempts, which counts runs that do not come to their end', async () => {
      await start({ maxAttempts: 1, backoff: { initial: '1s', max: '1s' } });
      await event(NEVER);
      await clock.advance('4500ms');
      expect((await told()).map(([, , attempt]) => attempt)).toEqual([1, 2, 3, 4, 5]);
    });

    it.each<[OverlapPolicy]>([['skip'], ['queueOne'], ['cancelRunning'], ['allow']])(
      'is made once, under the overlap policy %s',
      async (overlap) => {
        await start({ overlap }, 1_000);
        failures = 1;
        await event(NEVER);
        await clock.advance('1m');
        expect(await told()).toEqual([
          [0, 'event', 1, 'failed'],
          [11_000, 'retry', 2, 'succeeded'],
        ]);
      },
    );

    it('is due when the worker says that it runs next', async () => {
      await start({});
      await event(NEVER);
      await clock.advance('3s');
      expect(info().nextRun).toEqual(new Date(from + 10_000));
      expect((await workers.scheduler.status()).find(({ name }) => name === 'w')).toMatchObject({
        nextRun: new Date(from + 10_000),
      });
    });

    it('is given up when another event succeeds before', async () => {
      await start({});
      failures = 1;
      await event(1);
      await clock.advance('4s');
      await event(2);
      await clock.advance('1m');
      expect(await told()).toEqual([
        [0, 'event', 1, 'failed'],
        [4_000, 'event', 1, 'succeeded'],
      ]);
      expect(info()).not.toHaveProperty('nextRun');
    });

    it('is given up when a trigger succeeds before, and waits on when one fails or is cancelled', async () => {
      await start({}, 1_000);
      await event(1);
      await clock.advance('4s');
      await workers.scheduler.trigger('w');
      await clock.advance('2s');
      const { runId } = await workers.scheduler.trigger('w');
      await clock.advance('500ms');
      await workers.scheduler.cancel(runId);
      await clock.advance('5500ms');
      expect(await told()).toEqual([
        [0, 'event', 1, 'failed'],
        [4_000, 'manual', 1, 'failed'],
        [6_000, 'manual', 1, 'cancelled'],
        [11_000, 'retry', 2, 'failed'],
      ]);
      failures = 0;
      const { ended } = await workers.scheduler.trigger('w');
      await clock.advance('1m');
      expect((await ended).outcome).toBe('succeeded');
      expect(await told()).toHaveLength(5);
    });

    it('is that of the newest failure alone', async () => {
      await start({});
      await event(1);
      await clock.advance('4s');
      await event(2);
      failures = 0;
      await clock.advance('1m');
      expect(payloads).toEqual([1, 2, 2]);
      expect((await told())[2]).toEqual([24_000, 'retry', 2, 'succeeded']);
    });

    it('leaves its place to a slot that has come meanwhile', async () => {
      await start({ interval: '1m', backoff: '2m' });
      failures = 1;
      await event(1);
      await clock.advance('150s');
      const runs = await told();
      expect(runs.slice(0, 2)).toEqual([
        [0, 'event', 1, 'failed'],
        [120_000, 'schedule', 1, 'succeeded'],
      ]);
      expect(runs.some(([, trigger]) => trigger === 'retry')).toBe(false);
    });

    it('takes the place of the next slot until it is due', async () => {
      await start({ interval: '1h', backoff: '10s' });
      failures = 2;
      await event(1);
      await clock.advance('1m');
      expect(await told()).toEqual([
        [0, 'event', 1, 'failed'],
        [10_000, 'retry', 2, 'failed'],
        [30_000, 'retry', 3, 'succeeded'],
      ]);
    });

    it('does not keep an event that comes later waiting', async () => {
      await start({ overlap: 'queueOne' }, 1_000);
      await event(1);
      await clock.advance('3s');
      await event(2);
      await clock.advance('1s');
      expect(await told()).toEqual([
        [0, 'event', 1, 'failed'],
        [3_000, 'event', 1, 'failed'],
      ]);
    });

    it.each<[string, (id: string) => Promise<void>]>([
      ['its worker is paused', () => workers.scheduler.pause('w')],
      ['its worker is rescheduled', () => workers.scheduler.reschedule('w', 0)],
      ['the run that failed is cancelled', (id) => workers.scheduler.cancel(id, { actor: 'ann' })],
    ])('is given up when %s', async (_what, change) => {
      await start({});
      await event(1);
      await clock.advance('3s');
      await change((await workers.runs('w'))[0]!.id);
      await clock.advance('1s');
      await workers.scheduler.resume('w');
      await clock.advance('1m');
      expect((await told()).filter(([, , , outcome]) => outcome !== 'cancelled')).toEqual([
        [0, 'event', 1, 'failed'],
      ]);
      expect(info()).not.toHaveProperty('nextRun');
    });

    it('is given up when its worker is paused before the run ends', async () => {
      await start({}, 3_000);
      await event(1);
      await clock.advance('1s');
      await workers.scheduler.pause('w');
      await clock.advance('1m');
      await workers.scheduler.resume('w');
      await clock.advance('1m');
      expect(await told()).toEqual([[0, 'event', 1, 'failed']]);
    });

    it('can be cancelled by the id of the last attempt, and is kept as cancelled by whom', async () => {
      await start({});
      await event({ of: 'you' });
      await clock.advance('15s');
      const [first, second] = await workers.runs('w');
      await workers.scheduler.cancel(second!.id, { actor: 'ann' });
      await clock.advance('1m');
      const runs = await workers.runs('w');
      expect(runs).toHaveLength(3);
      expect(runs.slice(0, 2)).toMatchObject([
        { id: first!.id, outcome: 'failed' },
        { id: second!.id, outcome: 'failed' },
      ]);
      expect(runs[2]).toMatchObject({ outcome: 'cancelled', trigger: 'retry', attempt: 3 });
      expect(runs[2]!.error!.message).toContain('ann');
    });

    it('runs also when the worker has had all the runs of its schedule', async () => {
      await startAtSlot({ interval: '1m', limit: 1, backoff: '10s' });
      failures = 0;
      await clock.advance('1m');
      expect(await told()).toEqual([
        [0, 'schedule', 1, 'failed'],
        [10_000, 'retry', 2, 'succeeded'],
      ]);
      expect(info()).toMatchObject({ state: 'ended' });
    });

    it('is not made without a backoff', async () => {
      await start({ backoff: undefined });
      await event(1);
      await clock.advance('1m');
      expect(await told()).toEqual([[0, 'event', 1, 'failed']]);
    });
  });

  describe.each(['event', 'schedule'])('whose first run was begun by: %s', (trigger) => {
    async function begin(worker: Partial<Worker>, takes: number): Promise<void> {
      if (trigger === 'schedule') return startAtSlot({ interval: '1h', ...worker }, takes);
      await start(worker, takes);
      await event(1);
    }

    it.each<[OverlapPolicy]>([['skip'], ['queueOne'], ['cancelRunning']])(
      'waits for the end of a run that is active when it is due, under %s',
      async (overlap) => {
        await begin({ overlap, backoff: '2s' }, 5_000);
        await clock.advance('6s');
        await workers.scheduler.trigger('w');
        await clock.advance('5500ms');
        failures = 0;
        await clock.advance('10s');
        expect(await told()).toEqual([
          [0, trigger, 1, 'failed'],
          [6_000, 'manual', 1, 'failed'],
          [11_000, 'retry', 2, 'succeeded'],
        ]);
      },
    );

    it('gives its place to an event that has waited for the end of the run, and that waits longer now', async () => {
      await begin({ overlap: 'queueOne' }, 2_000);
      failures = 1;
      await clock.advance('1s');
      await event(2);
      await clock.advance('1m');
      expect(await told()).toEqual([
        [0, trigger, 1, 'failed'],
        [12_000, 'event', 1, 'succeeded'],
      ]);
      expect(payloads).toEqual([trigger === 'event' ? 1 : undefined, 2]);
    });
  });

  describe('of the start', () => {
    it('is tried again', async () => {
      await start({ runOnStart: true, interval: 0, backoff: '10s' });
      failures = 1;
      await clock.advance('1m');
      expect((await told()).map(([, trigger, attempt]) => [trigger, attempt]).slice(0, 2)).toEqual([
        ['schedule', 1],
        ['retry', 2],
      ]);
    });
  });

  describe('of a trigger', () => {
    it('does not exist: who asked is told of the failure', async () => {
      await start({});
      const { ended } = await workers.scheduler.trigger('w');
      await clock.advance('1m');
      expect((await ended).outcome).toBe('failed');
      expect(await told()).toEqual([[0, 'manual', 1, 'failed']]);
    });
  });

  describe('of a slot', () => {
    it.each<[OverlapPolicy]>([['skip'], ['queueOne'], ['cancelRunning'], ['allow']])(
      'is made under the overlap policy %s',
      async (overlap) => {
        await startAtSlot({ interval: '1h', overlap }, 1_000);
        failures = 1;
        await clock.advance('1m');
        expect(await told()).toEqual([
          [0, 'schedule', 1, 'failed'],
          [11_000, 'retry', 2, 'succeeded'],
        ]);
      },
    );

    it('takes no slot that passed, and was skipped, while the run was active', async () => {
      await startAtSlot({ interval: '10s', backoff: '3s' }, 25_000);
      failures = 1;
      await clock.advance('29s');
      expect((await told()).slice(0, 2)).toEqual([
        [0, 'schedule', 1, 'failed'],
        [28_000, 'retry', 2, 'running'],
      ]);
      expect(await slots()).toEqual([0, 0]);
    });

    it('takes the slot that has waited for the end of the run', async () => {
      await startAtSlot({ interval: '10s', backoff: '3s', overlap: 'queueOne' }, 25_000);
      failures = 1;
      await clock.advance('29s');
      expect((await told()).slice(0, 2)).toEqual([
        [0, 'schedule', 1, 'failed'],
        [28_000, 'schedule', 1, 'running'],
      ]);
      expect(await slots()).toEqual([0, 20_000]);
    });

    it('waits on when a trigger is cancelled', async () => {
      await startAtSlot({ interval: '1h', backoff: '10s' }, 1_000);
      await clock.advance('3s');
      const { runId } = await workers.scheduler.trigger('w');
      await clock.advance('500ms');
      await workers.scheduler.cancel(runId);
      await clock.advance('20s');
      expect((await told()).slice(0, 3)).toEqual([
        [0, 'schedule', 1, 'failed'],
        [3_000, 'manual', 1, 'cancelled'],
        [11_000, 'retry', 2, 'failed'],
      ]);
    });

    it('leaves its place to a newer failure, of an event', async () => {
      await startAtSlot({ interval: '1h', backoff: '10s' });
      await clock.advance('3s');
      await event(1);
      failures = 0;
      await clock.advance('1m');
      expect(await told()).toEqual([
        [0, 'schedule', 1, 'failed'],
        [3_000, 'event', 1, 'failed'],
        [23_000, 'retry', 2, 'succeeded'],
      ]);
      expect(await slots()).toEqual([0, undefined, undefined]);
    });

    const changes = [
      ['paused', () => workers.scheduler.pause('w')],
      ['rescheduled', () => workers.scheduler.reschedule('w', '7s')],
    ] as const;

    it.each(changes)(
      'leaves no slot uncounted when its worker is %s while they wait for it',
      async (_, change) => {
        await startAtSlot({ interval: '1m', backoff: '10m' });
        let events = 0;
        workers.scheduler.events$.subscribe((event) => {
          if (event.type === 'run.skipped') events += event.count;
        });
        await clock.advance('210s');
        await change();
        await clock.advance(0);
        expect(info()).toMatchObject({ runCount: 1, skippedCount: 3, missedCount: 0 });
        expect(events).toBe(3);
      },
    );

    it.each(changes)(
      'leaves no slot uncounted when its worker is %s while they wait after a failure beside a newer run',
      async (_, change) => {
        await startAtSlot({ interval: '1m', backoff: '10m', overlap: 'allow' }, 90_000);
        await clock.advance('130s');
        await change();
        await clock.advance(0);
        expect(info()).toMatchObject({ runCount: 1, activeRuns: 1, skippedCount: 1, missedCount: 0 });
      },
    );

    it('does not follow when a newer slot has begun beside it, and keeps slots waiting', async () => {
      await startAtSlot({ interval: '10s', backoff: '1m', overlap: 'allow' }, 15_000);
      await clock.advance('44s');
      const begun = (await told()).map(([at, trigger]) => [at, trigger]);
      // The one of 0 fails at 15 s, that of 10 s at 25 s: it is the newest, and is tried again.
      expect(begun).toEqual([
        [0, 'schedule'],
        [10_000, 'schedule'],
      ]);
    });
  });
});
