import { afterEach, describe, expect, it } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { taking, startWorkers, type Workers } from '../../../test/support/workers.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { InMemoryRunStore } from '../history/in-memory-run.store.js';
import { type Run } from '../history/run.js';
import { ManualClock } from '../testing/manual-clock.js';
import { SystemClock } from '../timing/clock.js';
import { type RunContext } from '../worker/run-context.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';

const request = new AsyncLocalStorage<string>();

describe.each(['one process', 'a cluster'])('the async context of runs in %s', (where) => {
  let workers: Workers;
  let clock: ManualClock;
  /** What ran, and in which request. */
  let ran: [worker: string, trigger: string, request: string | undefined][];
  afterEach(() => workers.close());

  const note = ({ worker, trigger }: RunContext) => void ran.push([worker, trigger, request.getStore()]);
  async function start(
    names: string[],
    options: WorkerModuleOptions & { overlap?: 'queueOne' } = {},
    run: (context: RunContext) => unknown = () => {},
  ) {
    clock = new ManualClock();
    ran = [];
    const { overlap, ...rest } = options;
    const definitions = names.map((name) => ({
      name,
      interval: '10s' as const,
      ...(overlap && { overlap }),
      run: (context: RunContext) => {
        note(context);
        return run(context);
      },
    }));
    const coordination = where === 'a cluster' ? { coordination: new LocalCoordinator(clock) } : {};
    workers = await startWorkers(definitions, { ...coordination, ...rest }, clock);
  }
  const trigger = (name: string, by: string) => request.run(by, () => workers.scheduler.trigger(name));

  it('is that of the triggerer for a triggered run, and the root for the next one of another worker', async () => {
    await start(['a', 'b'], { maxConcurrentRuns: 1 }, (context) => taking(clock, 9_000)(context));
    await trigger('a', 'ALICE');
    await clock.advance('40s');
    expect(ran[0]).toEqual(['a', 'manual', 'ALICE']);
    expect(ran.length).toBeGreaterThanOrEqual(4);
    expect(ran.slice(1).map(([, , by]) => by)).toEqual(ran.slice(1).map(() => undefined));
  });

  it('is the root for a slot that was queued behind a triggered run of the same worker', async () => {
    await start(['a'], { overlap: 'queueOne' }, (context) => taking(clock, 12_000)(context));
    await trigger('a', 'ALICE');
    await clock.advance('40s');
    expect(ran[0]).toEqual(['a', 'manual', 'ALICE']);
    expect(ran.slice(1).map(([, , by]) => by)).toEqual(ran.slice(1).map(() => undefined));
  });

  it('is that of the own triggerer for each of those that wait for a place', async () => {
    await start(['a', 'b', 'c'], { maxConcurrentRuns: 1 }, (context) => taking(clock, 1_000)(context));
    await Promise.all([trigger('a', 'ALICE'), trigger('b', 'BOB'), trigger('c', 'CAROL')]);
    await clock.advance('4s');
    const manual = ran.filter(([, how]) => how === 'manual').map(([name, , by]) => [name, by]);
    expect(manual.sort()).toEqual([['a', 'ALICE'], ['b', 'BOB'], ['c', 'CAROL']]); // prettier-ignore
  });

  it('is the root for the slots of a worker that a request has registered', async () => {
    await start([]);
    request.run('ALICE', () =>
      workers.scheduler.register({ name: 'late', interval: '10s', runOnStart: true, run: note }),
    );
    await clock.advance('25s');
    expect(ran.length).toBeGreaterThanOrEqual(2);
    expect(ran.map(([, , by]) => by)).toEqual(ran.map(() => undefined));
  });

  it('is the root for what is written of a triggered run', async () => {
    const written: (string | undefined)[] = [];
    class Store extends InMemoryRunStore {
      override async save(runs: readonly Run[]): Promise<void> {
        written.push(request.getStore());
        return super.save(runs);
      }
    }
    await start(['a'], { history: new Store() });
    await (
      await trigger('a', 'ALICE')
    ).ended;
    await request.run('BOB', () => workers.runs('a'));
    await clock.advance('1s');
    expect(written.length).toBeGreaterThan(0);
    expect(written).toEqual(written.map(() => undefined));
  });
});

it('SystemClock calls back in the root context, whoever sets the timer', async () => {
  const seen = await request.run('ALICE', () => new Promise<unknown>((resolve) => {
    new SystemClock().setTimer(() => resolve(request.getStore()), 1);
  })); // prettier-ignore
  expect(seen).toBeUndefined();
});
