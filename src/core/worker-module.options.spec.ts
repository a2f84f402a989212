import { afterEach, describe, expect, it } from '@jest/globals';
import { startWorkers, taking, type Workers } from '../../test/support/workers.js';
import { ManualClock } from './testing/manual-clock.js';
import { type RunContext } from './worker/run-context.js';

describe('the options of the module', () => {
  let workers: Workers;
  afterEach(() => workers.close());

  it('maxConcurrentRuns: no more runs at a time over all workers, first come first served, and all get their turn', async () => {
    const clock = new ManualClock();
    let on = 0;
    let most = 0;
    const order: string[] = [];
    const worker = (name: string) => ({
      name,
      interval: 0 as const,
      run: async (context: Parameters<ReturnType<typeof taking>>[0]) => {
        most = Math.max(most, ++on);
        order.push(name);
        await taking(clock, 1_000)(context);
        on--;
      },
    });
    const names = ['a', 'b', 'c', 'd', 'e'];
    workers = await startWorkers(names.map(worker), { maxConcurrentRuns: 2 }, clock);
    const handles = await Promise.all(names.map((name) => workers.scheduler.trigger(name)));
    await expect(workers.scheduler.trigger('e')).rejects.toThrow(
      /"e" is running already \(it waits for a place\)/,
    );
    await clock.advance('10s');
    await Promise.all(handles.map(({ ended }) => ended));
    expect(most).toBe(2);
    expect(order).toEqual(names);
  });

  it('maxConcurrentRuns: refuses what is no number of places', async () => {
    workers = await startWorkers([]);
    for (const maxConcurrentRuns of [0, -1, 1.5, NaN])
      await expect(startWorkers([], { maxConcurrentRuns })).rejects.toThrow(
        /maxConcurrentRuns: .* is no number of runs: give 1 or more/,
      );
  });

  it('onError: hears of what failed or timed out, and may fail itself', async () => {
    const heard: string[] = [];
    workers = await startWorkers(
      [
        { name: 'fails', interval: 0, run: () => Promise.reject(new Error('no')) },
        { name: 'well', interval: 0, run: () => {} },
      ],
      {
        onError: (run) =>
          Promise.reject(new Error(`hook ${heard.push(`${run.worker}: ${run.error?.message}`)}`)),
      },
    );
    await workers.scheduler.trigger('fails');
    await workers.scheduler.trigger('well');
    await workers.clock.advance('1s');
    expect(heard).toEqual(['fails: no']);
    expect(workers.logs).toContainEqual(
      expect.stringMatching(/^onError failed for run .* of "fails": Error: hook 1/),
    );
  });

  it('onError: hears what was thrown itself, with its cause', async () => {
    const error = new Error('no', { cause: new Error('why') });
    const heard: unknown[] = [];
    const wait = ({ signal }: RunContext) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      );
    workers = await startWorkers(
      [
        { name: 'fails', interval: 0, run: () => Promise.reject(error) },
        { name: 'slow', interval: 0, timeout: '1s', run: wait },
      ],
      { onError: (_run, thrown) => heard.push(thrown) },
    );
    await workers.scheduler.trigger('fails');
    await workers.scheduler.trigger('slow');
    await workers.clock.advance('2s');
    expect(heard[0]).toBe(error);
    expect(heard[1]).toMatchObject({ name: 'RunTimeoutError' });
  });

  it('autoStart: false waits for start(); run: false lists and never runs', async () => {
    const worker = { name: 'w', interval: '1s', run: () => {} } as const;
    workers = await startWorkers([worker], { autoStart: false });
    await workers.clock.advance('1m');
    expect(workers.scheduler.workerByName('w')).toMatchObject({ state: 'stopped', runCount: 0 });
    expect(workers.scheduler.standby).toBe(true);
    workers.scheduler.start();
    await workers.clock.advance('5s');
    expect(workers.scheduler.workerByName('w')).toMatchObject({ state: 'idle', runCount: 5 });
    expect(workers.scheduler.standby).toBe(false);
    await workers.close();

    workers = await startWorkers([worker], { run: false });
    workers.scheduler.start();
    await workers.clock.advance('1m');
    expect(workers.scheduler.workerByName('w')).toMatchObject({ state: 'stopped', runCount: 0 });
    await expect(workers.scheduler.trigger('w')).rejects.toThrow(/cannot run/);
  });

  it('workers: warns of a name that no worker has; enabled: false is listed and does not run', async () => {
    workers = await startWorkers([{ name: 'w', interval: '1s', run: () => {} }], {
      workers: { x: { timeout: '1s' }, w: { enabled: false } },
    });
    await workers.clock.advance('1m');
    expect(workers.scheduler.workerByName('w')).toMatchObject({
      state: 'stopped',
      running: false,
      runCount: 0,
    });
    expect(workers.logs).toContainEqual(
      expect.stringMatching(/^options\.workers names "x", and no worker has that name/),
    );
  });
});
