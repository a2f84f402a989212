import { afterEach, describe, expect, it } from '@jest/globals';
import { startWorkers, type Workers } from '../../../test/support/workers.js';
import { ManualClock } from '../testing/manual-clock.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';
import { InMemoryRunStore } from './in-memory-run.store.js';
import { type PruneQuery } from './run.store.js';

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1);

/** A store that is pruned: it says what it was asked for, and deletes as many runs as it is told. */
class GrowingStore extends InMemoryRunStore {
  readonly asked: (PruneQuery & { at: number })[] = [];
  batches: number[] = [];
  between = async (): Promise<void> => {};

  constructor(private readonly clock: ManualClock) {
    super();
  }

  override async *prune(query: PruneQuery): AsyncGenerator<number> {
    this.asked.push({ ...query, at: this.clock.now() });
    for (const batch of this.batches.splice(0)) {
      yield batch;
      await this.between();
    }
  }
}

describe('RetentionWorker', () => {
  let workers: Workers;
  let store: GrowingStore;
  const clock = () => new ManualClock(START);
  afterEach(() => workers?.close());

  async function start(options: WorkerModuleOptions = {}): Promise<ManualClock> {
    const c = clock();
    store = new GrowingStore(c);
    workers = await startWorkers([], { history: store, ...options }, c);
    return c;
  }
  const names = () => workers.scheduler.workers().map(({ name }) => name);
  const runs = () => workers.runs('workers_retention');

  it('prunes once an hour what is older than a week, and all but 10,000 runs of each worker', async () => {
    const c = await start();
    await c.advance('2h');
    expect(store.asked).toHaveLength(2);
    for (const { at, endedBefore, maxRuns } of store.asked) {
      expect(endedBefore).toEqual(new Date(at - 7 * DAY));
      expect(maxRuns).toBe(10_000);
    }
    expect(store.asked[1]!.at - store.asked[0]!.at).toBe(3_600_000);
  });

  it('keeps to the limits that are given, each by itself', async () => {
    const c = await start({ retention: { maxAge: '36h' } });
    await c.advance('1h');
    expect(store.asked[0]).toMatchObject({
      endedBefore: new Date(store.asked[0]!.at - 1.5 * DAY),
      maxRuns: 10_000,
    });
    await workers.close();
    const other = await start({ retention: { maxRuns: 5 } });
    await other.advance('1h');
    expect(store.asked[0]).toMatchObject({
      endedBefore: new Date(store.asked[0]!.at - 7 * DAY),
      maxRuns: 5,
    });
  });

  it('is a worker as others are: listed, triggered, recorded with what it deleted, overridden by configuration', async () => {
    const c = await start({ workers: { workers_retention: { interval: '10m' } } });
    expect(workers.logs).toEqual([]);
    expect(workers.scheduler.workerByName('workers_retention')).toMatchObject({ interval: 600_000 });
    store.batches = [1_000, 1_000, 17];
    await (
      await workers.scheduler.trigger('workers_retention')
    ).ended;
    await c.advance(0);
    expect(await runs()).toMatchObject([
      { outcome: 'succeeded', progress: { done: 2_017, message: 'runs deleted' } },
    ]);
  });

  it('stops between two batches when it is to end', async () => {
    const c = await start({ workers: { workers_retention: { timeout: '1s' } } });
    store.batches = [1_000, 1_000, 1_000, 1_000, 1_000];
    store.between = () => c.advance('700ms');
    await (
      await workers.scheduler.trigger('workers_retention')
    ).ended;
    expect(await runs()).toMatchObject([{ outcome: 'timed_out', progress: { done: 3_000 } }]);
  });

  it('is not there when nothing is to be deleted, nor for a store that bounds itself', async () => {
    await start({ retention: false });
    expect(names()).toEqual([]);
    await workers.close();
    workers = await startWorkers([]);
    expect(names()).toEqual([]);
  });

  it('does not have its name taken', async () => {
    const taken = { name: 'workers_retention', interval: 0, run: () => {} };
    const c = clock();
    await expect(startWorkers([taken], { history: new GrowingStore(c) }, c)).rejects.toThrow(
      /RetentionWorker\.run \(in WorkerModule\): the name "workers_retention" is taken by the worker/,
    );
  });

  it('bounds the history in memory by number', async () => {
    const quick = { name: 'quick', interval: '1s', run: () => {} } as const;
    workers = await startWorkers([quick], { retention: { maxRuns: 3 } });
    await workers.clock.advance('10s');
    expect(await workers.runs('quick')).toHaveLength(3);
  });

  it.each<[WorkerModuleOptions['retention'], RegExp]>([
    [{ maxRuns: 0 }, /retention\.maxRuns: 0 is no number of runs: give 1 or more, or Infinity for no limit/],
    [{ maxRuns: 1.5 }, /retention\.maxRuns: 1\.5 is no number of runs/],
    [{ maxRuns: NaN }, /retention\.maxRuns: NaN is no number of runs/],
    [{ maxAge: '7 bananas' as '7d' }, /retention\.maxAge: '7 bananas' is not a duration: give/],
    [{ maxAge: 0 }, /retention\.maxAge: 0 keeps no run: give a time, or false/],
  ])('refuses %p at start', async (retention, message) => {
    await expect(startWorkers([], { retention })).rejects.toThrow(message);
  });

  it('refuses limits for a store that cannot be pruned, rather than not keeping to them', async () => {
    const history = new InMemoryRunStore(5);
    await expect(startWorkers([], { history, retention: { maxAge: '1d' } })).rejects.toThrow(
      /retention: InMemoryRunStore cannot be pruned and bounds itself: leave the option out/,
    );
  });
});
