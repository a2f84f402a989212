import { afterEach, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom, map, take } from 'rxjs';
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

  it('tells of a start as such, also of a worker that throws at once', async () => {
    const fail = (): never => {
      throw new Error('at once');
    };
    workers = await startWorkers([{ name: 'fails', interval: 0, run: fail }]);
    const told: unknown[] = [];
    workers.scheduler.events$.subscribe((event) =>
      told.push([event.type, 'run' in event && event.run.outcome]),
    );
    const { ended } = await workers.scheduler.trigger('fails');
    await ended;
    expect(told).toEqual([
      ['run.started', 'running'],
      ['run.failed', 'failed'],
    ]);
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
      ['run.overdue', 'late', 'running'],
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

  it('asks no more of a subscriber that has unsubscribed or has what it wanted, behind operators or not', async () => {
    workers = await startWorkers([{ name: 'w', interval: '1s', run: () => {} }]);
    const { events$ } = workers.scheduler;
    let asked = 0;
    const counted = events$.pipe(filter(() => (asked++, true)));
    const first = firstValueFrom(counted);
    counted.pipe(take(1)).subscribe();
    const subscription = counted.subscribe();
    await workers.clock.advance('1s');
    subscription.unsubscribe();
    await first;
    asked = 0;
    await workers.clock.advance('5s');
    expect(asked).toBe(0);
  });
});
