import { afterEach, describe, expect, it } from '@jest/globals';
import { testCluster } from '../../../test/support/cluster.js';
import { startWorkers, taking, type Workers } from '../../../test/support/workers.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { ManualClock } from '../testing/manual-clock.js';
import { type Worker } from '../worker/worker.js';

describe.each(['one process', 'a cluster'])('the log of %s says', (where) => {
  let clock: ManualClock;
  let workers: Workers;
  afterEach(() => workers.close());

  async function start(worker: Partial<Worker>, now = new ManualClock()): Promise<void> {
    clock = now;
    const coordination = where === 'a cluster' ? { coordination: new LocalCoordinator(clock) } : {};
    workers = await startWorkers(
      [{ name: 'w', interval: '10s', run: () => {}, ...worker }],
      coordination,
      clock,
    );
  }
  const said = (what: string) => [...workers.logs, ...workers.notices].filter((line) => line.includes(what));

  it('once that a run ignores its signal after its timeout, and when it has ended', async () => {
    const c = new ManualClock();
    await start({ timeout: '2s', run: taking(c, 60_000, { deaf: true }) }, c);
    const due = workers.scheduler.workerByName('w')!.nextRun!.getTime() - c.now();
    await c.advance(due + 2_000 + 4_999);
    expect(said('stuck')).toEqual([]);
    await c.advance(30_001);
    const [run] = await workers.runs('w');
    expect(said('stuck')).toEqual([
      `Worker "w" is stuck: run ${run!.id} has ignored its signal for 5 s after its timeout of 2 s. Hand context.signal to what it waits for`,
    ]);
    await c.advance('30s');
    expect(said('no longer stuck')).toEqual([
      `Worker "w" is no longer stuck: run ${run!.id} ended 58 s after its timeout`,
    ]);
  });

  it('nothing of that for a run that takes a little longer to clean up', async () => {
    const c = new ManualClock();
    await start({ timeout: '2s', run: taking(c, 6_000, { deaf: true }) }, c);
    await c.advance('1m');
    expect((await workers.runs('w'))[0]).toMatchObject({ outcome: 'timed_out' });
    expect(said('stuck')).toEqual([]);
  });

  it('once that three runs in a row have failed, and that it has recovered', async () => {
    let broken = true;
    await start({
      run: () => {
        if (broken) throw new Error('no route to host');
      },
    });
    while (workers.scheduler.workerByName('w')!.runCount < 2) await clock.advance('1s');
    expect(said('failing')).toEqual([]);
    await clock.advance('35s');
    const failing = 'Worker "w" is failing: 3 runs in a row did not succeed, the last with: no route to host';
    expect(said('failing')).toEqual([failing]);
    broken = false;
    const failures = workers.scheduler.workerByName('w')!.consecutiveFailures;
    await clock.advance('30s');
    expect(said('failing')).toEqual([
      failing,
      `Worker "w" is no longer failing: a run succeeded after ${failures} that did not`,
    ]);
  });

  it('once that no run has ended for three intervals and the timeout, and when one has', async () => {
    const c = new ManualClock();
    await start({ timeout: '10s', run: taking(c, 90_000, { deaf: true }) }, c);
    const due = workers.scheduler.workerByName('w')!.nextRun!.getTime() - c.now();
    await c.advance(due + 20_000);
    expect(said('stale')).toEqual([]);
    await c.advance('60s');
    expect(said('stale')).toEqual([
      'Worker "w" is stale: no run has ended for more than three intervals and its timeout',
    ]);
    await c.advance('20s');
    expect(said('stale')).toHaveLength(2);
    expect(said('stale')[1]).toBe('Worker "w" is no longer stale');
  });

  it('nothing of a worker that is paused, does as it should, or is taken away', async () => {
    const c = new ManualClock();
    await start({ interval: '1s' }, c);
    workers.scheduler.register({ name: 'paused', interval: '1s', run: () => {} });
    workers.scheduler.register({ name: 'gone', interval: '1s', run: taking(c, 2_000) });
    await c.advance('2s');
    await workers.scheduler.pause('paused');
    const gone = workers.scheduler.unregister('gone');
    await c.advance('10m');
    await gone;
    expect(workers.logs).toEqual([]);
  });
});

describe('of several replicas', () => {
  it('one says it: for a failure the one that ran, for what is stale one of them', async () => {
    const cluster = testCluster();
    let broken = true;
    const replicas: Workers[] = [];
    for (let i = 0; i < 3; i++)
      replicas.push(
        await cluster.join(() => [
          { name: 'fails', interval: '1s', run: () => { if (broken) throw new Error('x'); } },
          { name: 'hangs', interval: '1s', run: taking(cluster.clock, 30_000, { deaf: true }) },
        ]),
      ); // prettier-ignore
    const all = (what: string) =>
      replicas.flatMap(({ logs, notices }) => [...logs, ...notices].filter((l) => l.includes(what)));
    await cluster.clock.advance('20s');
    expect(all('"fails" is failing')).toHaveLength(1);
    expect(all('"hangs" is stale')).toHaveLength(1);
    broken = false;
    await cluster.clock.advance('5s');
    expect(all('"fails" is no longer failing')).toHaveLength(1);
    await cluster.close();
  });
});

it('a worker that is added later, or gets a shorter interval, is looked at in time', async () => {
  const clock = new ManualClock();
  const workers = await startWorkers([{ name: 'daily', interval: '1d', run: () => {} }], {}, clock);
  const hangs = taking(clock, 3_600_000);
  workers.scheduler.register({ name: 'later', interval: '1s', run: hangs });
  workers.scheduler.register({ name: 'shorter', interval: '1h', run: hangs });
  await workers.scheduler.reschedule('shorter', '1s');
  await clock.advance('30s');
  expect(workers.logs).toEqual(
    ['later', 'shorter'].map((name) => expect.stringContaining(`"${name}" is stale`)),
  );
  await workers.close();
});

it('many workers are looked at in turns, each a few hundred', async () => {
  const clock = new ManualClock();
  const workers = await startWorkers([{ name: 'short', interval: '5s', run: () => {} }], {}, clock);
  for (let i = 0; i < 2_000; i++)
    workers.scheduler.register({ name: `w${i}`, interval: '1h', run: () => {} });
  let turns = 0;
  const set = clock.setTimer.bind(clock);
  clock.setTimer = (callback: () => void, delay: number) => {
    if (delay === 0) turns++;
    return set(callback, delay);
  };
  await clock.advance('5s');
  expect(turns).toBeGreaterThanOrEqual(8);
  await workers.close();
});

it('workers that are rarely due are looked at once an hour', async () => {
  const clock = new ManualClock();
  const yearly = { cron: '0 0 1 1 *', timeZone: 'UTC' };
  const workers = await startWorkers([{ name: 'yearly', interval: yearly, run: () => {} }], {}, clock);
  await clock.advance('10s');
  let looks = 0;
  const set = clock.setTimer.bind(clock);
  clock.setTimer = (callback: () => void, delay: number) => {
    if (delay === 3_600_000) looks++;
    return set(callback, delay);
  };
  await clock.advance('3h');
  expect(looks).toBe(3);
  await workers.close();
});
