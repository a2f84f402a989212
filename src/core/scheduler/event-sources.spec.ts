import { afterEach, describe, expect, it } from '@jest/globals';
import { startWorkers, taking, type Workers } from '../../../test/support/workers.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { ManualClock } from '../testing/manual-clock.js';

describe('EventSources', () => {
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

  it('skips an event that comes while a run is active, or keeps the newest, as the overlap policy says', async () => {
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

  it('hears nothing while paused, and again when resumed', async () => {
    workers = await startWorkers([]);
    let happen = (_event: unknown): void => {};
    workers.sources.add({ subscribe: (_type, handler) => ((happen = handler), () => {}) });
    workers.scheduler.register({ name: 'w', interval: 0, on: ['x.y'], run: () => {} });
    await workers.scheduler.pause('w');
    happen({});
    await workers.clock.advance(0);
    expect(workers.scheduler.workerByName('w')).toMatchObject({ runCount: 0, skippedCount: 0 });
    await workers.scheduler.resume('w');
    happen({});
    await workers.clock.advance(0);
    expect(workers.scheduler.workerByName('w')).toMatchObject({ runCount: 1 });
  });

  it.each(['one process', 'a cluster'])(
    'drops an event that no store takes, names it, and runs for the next, in %s',
    async (where) => {
      const clock = new ManualClock();
      const coordination = where === 'a cluster' ? { coordination: new LocalCoordinator(clock) } : {};
      workers = await startWorkers([], coordination, clock);
      let happen = (_event: unknown): void => {};
      workers.sources.add({ subscribe: (_type, handler) => ((happen = handler), () => {}) });
      const seen: unknown[] = [];
      workers.scheduler.register({ name: 'w', interval: 0, on: ['x.y'], run: ({ payload }) => seen.push(payload) }); // prettier-ignore
      await clock.advance('2s');
      const cycle: Record<string, unknown> = {};
      cycle.self = cycle;
      for (const bad of ['\0', { id: '\0' }, '\ud83d', cycle, { n: 1n }, () => 1]) happen(bad);
      expect(workers.logs.filter((text) => text.includes('An event is dropped'))).toHaveLength(6);
      expect(workers.logs.join()).not.toMatch(/reached/);
      happen({ at: new Date(0) });
      await clock.advance('2s');
      expect(seen).toEqual([{ at: '1970-01-01T00:00:00.000Z' }]);
    },
  );

  it('is warned of when nobody can tell of events', async () => {
    workers = await startWorkers([{ name: 'w', interval: 0, on: ['x.y'], run: () => {} }]);
    expect(workers.logs).toContainEqual(
      expect.stringMatching(/^"w" runs on x\.y, and no EventSource is there to tell/),
    );
  });
});
