import { afterEach, describe, expect, it } from '@jest/globals';
import { startWorkers, taking, type Workers } from '../../../test/support/workers.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { ManualClock } from '../testing/manual-clock.js';
import { type Worker } from '../worker/worker.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';
import { RunWaitsForItselfError } from './scheduler.errors.js';

describe.each(['one process', 'a cluster'])(
  'a run that waits for a run that it triggered, in %s',
  (where) => {
    let workers: Workers;
    let clock: ManualClock;
    afterEach(() => workers.close());

    async function start(
      definitions: (Partial<Worker> & { name: string })[],
      options: WorkerModuleOptions = {},
    ) {
      clock = new ManualClock();
      const coordination = where === 'a cluster' ? { coordination: new LocalCoordinator(clock) } : {};
      workers = await startWorkers(
        definitions.map((worker) => ({ interval: 0, run: () => {}, ...worker })),
        { ...coordination, ...options },
        clock,
      );
    }
    const triggered = async (name: string) => (await workers.scheduler.trigger(name)).ended;
    const end = async (name: string) => {
      const { ended } = await workers.scheduler.trigger(name);
      await clock.advance('1m');
      return ended;
    };

    it.each([1, 2])('lends it its place, with maxConcurrentRuns %i', async (maxConcurrentRuns) => {
      await start(
        [
          { name: 'parent', overlap: 'allow', run: async () => (await triggered('child')).outcome },
          { name: 'child', overlap: 'allow', run: (context) => taking(clock, 1_000)(context) },
          { name: 'ticks', interval: '1s' },
        ],
        { maxConcurrentRuns },
      );
      const parents = [await workers.scheduler.trigger('parent'), await workers.scheduler.trigger('parent')];
      await clock.advance('30s');
      for (const parent of parents)
        await expect(parent.ended).resolves.toMatchObject({ outcome: 'succeeded' });
      expect(workers.scheduler.workerByName('ticks')!.runCount).toBeGreaterThan(10);
    });

    it('lends it to several, one at a time, and down to the runs that these wait for', async () => {
      let on = 0;
      let most = 0;
      await start(
        [
          {
            name: 'parent',
            run: () => Promise.all([triggered('child'), triggered('child'), triggered('child')]),
          },
          { name: 'child', overlap: 'allow', run: () => triggered('grandchild') },
          {
            name: 'grandchild',
            overlap: 'allow',
            run: async (context) => {
              most = Math.max(most, ++on);
              await taking(clock, 1_000)(context);
              on--;
            },
          },
        ],
        { maxConcurrentRuns: 1 },
      );
      await expect(end('parent')).resolves.toMatchObject({ outcome: 'succeeded' });
      expect(workers.scheduler.workerByName('grandchild')!.runCount).toBe(3);
      expect(most).toBe(1);
    });

    it('keeps to the limit when it does not wait after all', async () => {
      let on = 0;
      let most = 0;
      await start(
        [
          { name: 'parent', run: async () => void (await workers.scheduler.trigger('child')).ended },
          ...['child', 'x', 'y'].map((name) => ({
            name,
            interval: name === 'child' ? (0 as const) : ('1s' as const),
            run: async (context: Parameters<Worker['run']>[0]) => {
              most = Math.max(most, ++on);
              await taking(clock, 3_000)(context);
              on--;
            },
          })),
        ],
        { maxConcurrentRuns: 1 },
      );
      await expect(end('parent')).resolves.toMatchObject({ outcome: 'succeeded' });
      await clock.advance('1m');
      expect(most).toBe(1);
    });

    it.each(['queueOne', 'cancelRunning'] as const)(
      'is told at once that it would wait for itself, with overlap %s',
      async (overlap) => {
        let runs = 0;
        await start([{ name: 'self', overlap, run: () => (++runs === 1 ? triggered('self') : undefined) }]);
        const { ended } = await workers.scheduler.trigger('self');
        await clock.advance('3s');
        await expect(ended).resolves.toMatchObject({ error: { name: RunWaitsForItselfError.name } });
        expect(runs).toBe(2);
      },
    );

    it('is told the same when the circle goes through another worker', async () => {
      let runs = 0;
      await start([
        { name: 'a', overlap: 'queueOne', run: () => (++runs === 1 ? triggered('b') : undefined) },
        { name: 'b', overlap: 'queueOne', run: () => triggered('a') },
      ]);
      const { ended } = await workers.scheduler.trigger('a');
      await clock.advance('3s');
      await ended;
      const errors = [...(await workers.runs('a')), ...(await workers.runs('b'))].map(
        ({ error }) => error?.name,
      );
      // Whichever asked last.
      expect(errors).toContain(RunWaitsForItselfError.name);
      expect(workers.scheduler.workers().map(({ state }) => state)).toEqual(['idle', 'idle']);
    });
  },
);
