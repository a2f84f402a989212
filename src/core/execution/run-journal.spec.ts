import { afterEach, describe, expect, it } from '@jest/globals';
import { testCluster } from '../../../test/support/cluster.js';
import { startWorkers, taking, type Workers } from '../../../test/support/workers.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { ManualClock } from '../testing/manual-clock.js';
import { type Worker } from '../worker/worker.js';

const DAY_OF_SECONDS = 86_400;

describe.each(['one process', 'a cluster'])('the runs that the history keeps, in %s', (where) => {
  const clock = new ManualClock();
  let workers: Workers;
  afterEach(() => workers.close());

  async function start(worker: Partial<Worker>): Promise<void> {
    const coordination = where === 'a cluster' ? { coordination: new LocalCoordinator(clock) } : {};
    workers = await startWorkers(
      [{ name: 'w', interval: '1s', run: () => {}, ...worker }],
      coordination,
      clock,
    );
  }

  /** Its runs until some have ended, each ten seconds' worth of slots at a time. */
  async function untilRunCount(count: number): Promise<void> {
    while (workers.scheduler.workerByName('w')!.runCount < count) await clock.advance('10s');
  }

  it('are its failures, of a worker that wants no others kept; its counts and its health are of all', async () => {
    const events: string[] = [];
    let n = 0;
    await start({
      record: 'failures',
      run: () => {
        if (++n % 70 === 0) throw new Error(`the ${n}th`);
      },
    });
    workers.scheduler.events$.subscribe(({ type }) => events.push(type));
    await untilRunCount(200);
    const { runCount, consecutiveFailures, lastSuccess, conditions } =
      workers.scheduler.workerByName('w')!;
    const failed = Math.floor(n / 70);
    expect((await workers.runs('w')).map(({ outcome, error }) => [outcome, error?.message])).toEqual(
      Array.from({ length: failed }, (_, i) => ['failed', `the ${(i + 1) * 70}th`]),
    );
    expect({ runCount, consecutiveFailures, conditions }).toEqual({
      runCount: n, consecutiveFailures: 0, conditions: [],
    }); // prettier-ignore
    expect(lastSuccess).toBeInstanceOf(Date);
    expect(events.filter((type) => type === 'run.succeeded').length).toBeGreaterThanOrEqual(n - failed - 1);
    expect(events.filter((type) => type === 'run.failed')).toHaveLength(failed);
  }); // prettier-ignore

  it('are those that timed out or were aborted as well', async () => {
    await start({ record: 'failures', interval: 0, timeout: '2s', run: taking(clock, 5_000) });
    const timedOut = await workers.scheduler.trigger('w');
    await clock.advance('3s');
    await timedOut.ended;
    expect(await workers.runs('w')).toMatchObject([{ id: timedOut.runId, outcome: 'timed_out' }]);
  });

  it('are none, of a worker that wants none; who triggered it learns of the end all the same', async () => {
    await start({
      record: 'none',
      interval: 0,
      run: ({ progress }) => {
        progress(1);
        throw new Error('not kept');
      },
    });
    const { ended } = await workers.scheduler.trigger('w');
    await clock.advance('1s');
    expect(await ended).toMatchObject({ outcome: 'failed', error: { message: 'not kept' } });
    expect(await workers.runs('w')).toEqual([]);
    expect(workers.scheduler.workerByName('w')).toMatchObject({
      runCount: 1,
      consecutiveFailures: 1,
      lastError: 'not kept',
    });
  });
});

it('of 86,400 runs a day one row for each failure is kept', async () => {
  const clock = new ManualClock();
  let n = 0;
  const workers = await startWorkers(
    [
      {
        name: 'w',
        interval: '1s',
        record: 'failures',
        run: () => { if (++n % 10_000 === 0) throw new Error('bad'); },
      },
    ],
    {},
    clock,
  ); // prettier-ignore
  await clock.advance('1d');
  expect(workers.scheduler.workerByName('w')).toMatchObject({ runCount: DAY_OF_SECONDS, missedCount: 0 });
  expect(await workers.runs('w')).toHaveLength(8);
  await workers.close();
});

it('a lost run of a worker is kept by whoever takes its place, unless none is to be kept', async () => {
  for (const [record, kept] of [['failures', 1], ['none', 0]] as const) {
    const cluster = testCluster();
    const deaf = (replica: number): Worker[] => [
      { name: 'w', interval: '10s', record, run: replica === 0 ? taking(cluster.clock, 1e9, { deaf: true }) : () => {} },
    ];
    const first = await cluster.join(deaf);
    await cluster.clock.advance('11s');
    expect(first.scheduler.workerByName('w')).toMatchObject({ state: 'executing' });
    cluster.coordinator.heartbeat = () => Promise.reject(new Error('cut off'));
    const second = await cluster.join(deaf);
    await cluster.clock.advance('20s');
    const lost = (await second.runs('w')).filter(({ outcome }) => outcome === 'lost');
    expect([record, lost.length]).toEqual([record, kept]);
    await cluster.close();
  }
}); // prettier-ignore
