import { afterEach, describe, expect, it } from '@jest/globals';
import { filter, map } from 'rxjs';
import { startWorkers, taking, type Workers } from '../../../test/support/workers.js';
import { ManualClock } from '../testing/manual-clock.js';

describe('events$', () => {
  let workers: Workers;
  afterEach(() => workers.close());

  it('tells the start and the end of every run, and what is skipped', async () => {
    const clock = new ManualClock();
    workers = await startWorkers([{ name: 'slow', interval: '10s', run: taking(clock, 15_000) }], {}, clock);
    const types: string[] = [];
    workers.scheduler.events$.subscribe(({ type, worker }) => types.push(`${worker} ${type}`));
    await clock.advance('30s');
    expect(types.slice(0, 3)).toEqual(['slow run.started', 'slow run.skipped', 'slow run.succeeded']);
  });

  it('tells how a run ended, with its record', async () => {
    workers = await startWorkers([
      { name: 'fails', interval: 0, run: () => Promise.reject(new Error('no')) },
      {
        name: 'late',
        interval: 0,
        timeout: '1s',
        run: ({ signal }) => new Promise((_, no) => signal.addEventListener('abort', no)),
      },
    ]);
    const told: unknown[] = [];
    const ends = workers.scheduler.events$.pipe(
      filter(({ type }) => type !== 'run.started'),
      map((event) => event),
    );
    ends.subscribe((event) => told.push([event.type, event.worker, 'run' in event && event.run.outcome]));
    await workers.scheduler.trigger('fails');
    await workers.scheduler.trigger('late');
    await workers.clock.advance('1s');
    expect(told).toEqual([
      ['run.failed', 'fails', 'failed'],
      ['run.timed_out', 'late', 'timed_out'],
    ]);
  });

  it('survives subscribers that throw, behind operators or not: the worker, the others and the process go on', async () => {
    const uncaught: unknown[] = [];
    const listener = (error: unknown) => uncaught.push(error);
    process.on('uncaughtException', listener);
    workers = await startWorkers([{ name: 'w', interval: '1s', run: () => {} }]);
    const { events$ } = workers.scheduler;
    const heard: string[] = [];
    const fail = () => {
      throw new Error('broken subscriber');
    };
    events$.subscribe(fail);
    events$.subscribe({ next: fail });
    events$.pipe(map(fail)).subscribe(() => {});
    events$.pipe(filter(() => true)).subscribe(fail);
    events$.subscribe(({ type }) => heard.push(type));
    await workers.clock.advance('2s');
    // RxJS would throw from a timer of its own.
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off('uncaughtException', listener);
    expect(uncaught).toEqual([]);
    expect(heard).toEqual(['run.started', 'run.succeeded', 'run.started', 'run.succeeded']);
    expect(workers.scheduler.workerByName('w')).toMatchObject({ runCount: 2, consecutiveFailures: 0 });
    expect(workers.logs.filter((line) => line.includes('broken subscriber')).length).toBeGreaterThanOrEqual(
      4,
    );
  });
});

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

describe('on', () => {
  let workers: Workers;
  afterEach(() => workers.close());

  it('runs a worker for each event of its types, with the event as payload, until it is taken away', async () => {
    workers = await startWorkers([]);
    const handlers = new Map<string, (event: unknown) => void>();
    workers.sources.add({
      subscribe: (type, handler) => {
        handlers.set(type, handler);
        return () => handlers.delete(type);
      },
    });
    const seen: unknown[] = [];
    workers.scheduler.register({
      name: 'w',
      interval: 0,
      on: ['domain.added', 'domain.removed'],
      run: ({ payload, trigger }) => seen.push([trigger, payload]),
    });
    handlers.get('domain.added')!({ id: 1 });
    await workers.clock.advance(0);
    handlers.get('domain.removed')!({ id: 2 });
    await workers.clock.advance(0);
    expect(seen).toEqual([['event', { id: 1 }], ['event', { id: 2 }]]); // prettier-ignore
    expect(workers.scheduler.workerByName('w')).toMatchObject({ runCount: 2 });
    await workers.scheduler.unregister('w');
    expect(handlers.size).toBe(0);
  });

  it('skips an event that comes while a run is on, or keeps the newest, as the overlap policy says', async () => {
    const clock = new ManualClock();
    workers = await startWorkers([], {}, clock);
    let happen = (_event: unknown): void => {};
    workers.sources.add({ subscribe: (_type, handler) => ((happen = handler), () => {}) });
    for (const overlap of ['skip', 'queueOne'] as const) {
      const seen: unknown[] = [];
      workers.scheduler.register({ name: overlap, interval: 0, overlap, on: ['x.y'], run: (context) => {
        seen.push(context.payload);
        return taking(clock, 1_000)(context);
      } }); // prettier-ignore
      for (const event of [1, 2, 3]) happen(event);
      await clock.advance('5s');
      expect(seen).toEqual(overlap === 'skip' ? [1] : [1, 3]);
      await workers.scheduler.unregister(overlap);
    }
  });

  it('is ignored while paused, and warned of when nobody can tell of events', async () => {
    workers = await startWorkers([{ name: 'w', interval: 0, on: ['x.y'], run: () => {} }]);
    expect(workers.logs).toContainEqual(
      expect.stringMatching(/^"w" runs on x\.y, and no EventSource is there to tell/),
    );
  });
});
