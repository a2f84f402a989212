import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { StaleRunError } from '../coordination/coordination.errors.js';
import {
  type FanOut,
  type FanOutEngine,
  type FanOutHost,
  type FanOutOutcome,
  type ShardRun,
} from '../fan-out/fan-out.engine.js';
import { type ShardDefinition } from '../fan-out/shard-definition.js';
import { type ShardMetrics } from '../fan-out/shard-runner.js';
import { contract, type ContractCase } from './contract-case.js';

/** Where a case's engines work: theirs alone, with nothing in it. */
export interface FanOutEngineSetup {
  /** A new engine on it, as another replica would have; not opened. */
  engine(): FanOutEngine;
  /** Called when all engines are closed. */
  teardown?(): Promise<void>;
}

/** What every `FanOutEngine` keeps. `setup` is called once for each case. */
export function fanOutEngineContract(setup: () => Promise<FanOutEngineSetup>): ContractCase[] {
  return contract(() => Bench.make(setup), {
    'runs each item once, and tells the counts as they grow': async (bench) => {
      const counts: number[] = [];
      const outcome = await bench.run({
        items: ['a', 7, null, { b: ['c'] }],
        counted: (done) => counts.push(done),
      });
      assert.deepEqual(outcome, { done: 4, failed: 0, errors: [], metrics: undefined });
      assert.deepEqual(
        bench.seen.toSorted((a, b) => a.index - b.index).map(({ item, attempt }) => [item, attempt]),
        [['a', 1], [7, 1], [null, 1], [{ b: ['c'] }, 1]],
      ); // prettier-ignore
      assert.equal(counts.at(-1), 4);
      assert.deepEqual(
        counts,
        counts.toSorted((a, b) => a - b),
      );
    },
    'has nothing to do for no items': async (bench) => {
      assert.deepEqual(await bench.run({ items: [] }), {
        done: 0,
        failed: 0,
        errors: [],
        metrics: undefined,
      });
    },
    'runs an item as often as it is given': async (bench) => {
      const outcome = await bench.run({ items: ['a', 'a', 'b', 'a'] });
      assert.equal(outcome.done, 4);
      assert.deepEqual(bench.seen.map(({ item }) => item).toSorted(), ['a', 'a', 'a', 'b']);
    },
    'tries again what fails, and gives up after the last attempt': async (bench) => {
      bench.work = ({ item, attempt }) => {
        if (item === 'never' || (item === 'later' && attempt < 3)) throw new TypeError(`no ${String(item)}`);
        return undefined;
      };
      const { done, failed, errors } = await bench.run({
        items: ['good', 'never', 'later'],
        shard: { retries: 2 },
      });
      assert.deepEqual([done, failed], [2, 1]);
      assert.equal(errors.length, 1);
      const [{ item, index, attempts, error }] = errors as [FanOutOutcome['errors'][number]];
      assert.deepEqual(
        [item, index, attempts, error.name, error.message],
        ['never', 1, 3, 'TypeError', 'no never'],
      );
      const attemptsOf = (of: string) =>
        bench.seen.filter((one) => one.item === of).map(({ attempt }) => attempt);
      assert.deepEqual(attemptsOf('never'), [1, 2, 3]);
      assert.deepEqual(attemptsOf('later'), [1, 2, 3]);
      assert.deepEqual(attemptsOf('good'), [1]);
    },
    'names the first ten failures, by index': async (bench) => {
      bench.work = ({ index }) => {
        if (index >= 5) throw new Error(`no ${index}`);
        return undefined;
      };
      const { failed, errors } = await bench.run({ items: numbers(40) });
      assert.equal(failed, 35);
      assert.deepEqual(errors.map(({ index }) => index), [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]); // prettier-ignore
    },
    'adds up what the shards report that succeed': async (bench) => {
      bench.work = ({ item, attempt }) => {
        if (attempt === 1 && item === 2) throw new Error('once');
        return item === 3 ? undefined : { rows: item as number, [`of ${String(item)}`]: 0.5 };
      };
      const { metrics } = await bench.run({ items: [1, 2, 3, 4], shard: { retries: 1 } });
      assert.deepEqual({ ...metrics }, { rows: 7, 'of 1': 0.5, 'of 2': 0.5, 'of 4': 0.5 });
    },
    'runs as many at a time as the method says': async (bench) => {
      let active = 0;
      let most = 0;
      bench.work = async () => {
        most = Math.max(most, ++active);
        await new Promise((resolve) => setImmediate(resolve));
        active--;
        return undefined;
      };
      await bench.run({ items: numbers(60), shard: { concurrency: 7 } });
      assert.ok(most <= 7, `${most} were active`);
    },
    'starts no shard after an abort, ends the active ones, and throws the reason': async (bench) => {
      const controller = new AbortController();
      const reason = new Error('enough');
      bench.work = async ({ signal }) => {
        if (bench.seen.length === 2) controller.abort(reason);
        await aborted(signal);
        throw signal.reason;
      };
      const run = bench.run({
        items: numbers(50),
        shard: { concurrency: 2, retries: 5 },
        signal: controller.signal,
      });
      await assert.rejects(run, (error) => error === reason);
      assert.equal(bench.active, 0);
      assert.equal(bench.seen.length, 2);
    },
    'runs fan-outs of several runs and methods at a time': async (bench) => {
      const outcomes = await Promise.all([
        bench.run({ items: numbers(30) }),
        bench.run({ items: numbers(30) }),
        bench.run({ items: numbers(20), shard: { name: 'Other.shard' } }),
      ]);
      assert.deepEqual(outcomes.map(({ done }) => done), [30, 30, 20]); // prettier-ignore
      assert.equal(bench.seen.length, 80);
    },
  });
}

/** What an engine keeps besides whose shards are run by all replicas. */
export function sharedFanOutEngineContract(setup: () => Promise<FanOutEngineSetup>): ContractCase[] {
  return contract(() => Bench.make(setup), {
    'gives shards to every replica that serves': async (bench) => {
      const other = await bench.join();
      const on = new Set<FanOutEngine>();
      bench.work = async ({ engine }) => {
        on.add(engine);
        // Each holds its shard until the other one has one.
        await bench.until(() => on.size === 2);
        return undefined;
      };
      const { done } = await bench.run({ items: numbers(10), shard: { concurrency: 1 } });
      assert.equal(done, 10);
      assert.ok(on.has(other) && on.has(bench.engine));
    },
    'gives shards what they need of the run': async (bench) => {
      const run: ShardRun = {
        worker: 'w "1"', runId: randomUUID(), fencingToken: 7, fenced: true, slot: 1, trigger: 'manual', actor: 'ann',
        scheduledAt: 2, startedAt: 3, payload: { a: [1, 'ü'] },
      }; // prettier-ignore
      await bench.run({ items: ['a'], run });
      assert.deepEqual(bench.seen[0]?.run, run);
    },
    'does only what is missing when the run is tried again': async (bench) => {
      const key = randomUUID();
      const controller = new AbortController();
      bench.work = async ({ index, signal }) => {
        if (index < 5) return { rows: 1 };
        await bench.until(() => bench.succeeded >= 5);
        controller.abort(new Error('dead'));
        await aborted(signal);
        throw signal.reason;
      };
      const first = bench.run({
        key,
        items: numbers(20),
        shard: { concurrency: 20 },
        signal: controller.signal,
      });
      await assert.rejects(first, /dead/);
      bench.seen.length = 0;
      bench.work = () => ({ rows: 1 });
      const counts: number[] = [];
      const { done, metrics } = await bench.run({
        key,
        items: numbers(20),
        counted: (count) => counts.push(count),
      });
      assert.equal(done, 20);
      assert.deepEqual({ ...metrics }, { rows: 20 });
      assert.ok(bench.seen.every(({ index }) => index >= 5));
      assert.ok(counts[0]! >= 5, `began at ${counts[0]}`);
    },
    'does what is missing of other items than before': async (bench) => {
      const key = randomUUID();
      await bench.run({ key, items: ['a', 'b', 'c', 'c'] });
      bench.seen.length = 0;
      const { done } = await bench.run({ key, items: ['new', 'c', 'a', 'c', 'c'] });
      assert.equal(done, 5);
      assert.deepEqual(bench.seen.map(({ item }) => item).toSorted(), ['c', 'new']);
    },
    'tries again what has failed when the run is tried again': async (bench) => {
      const key = randomUUID();
      bench.work = ({ index }) => {
        if (index === 1) throw new Error('no');
        return undefined;
      };
      assert.equal((await bench.run({ key, items: numbers(3) })).failed, 1);
      bench.seen.length = 0;
      bench.work = () => undefined;
      assert.deepEqual(await bench.run({ key, items: numbers(3) }), { done: 3, failed: 0, errors: [], metrics: undefined }); // prettier-ignore
      assert.deepEqual(bench.seen.map(({ index }) => index), [1]); // prettier-ignore
    },
    'runs everything again under a key that was forgotten': async (bench) => {
      const key = randomUUID();
      await bench.run({ key, items: ['a', 'b'] });
      await bench.engine.forget([key]);
      await bench.run({ key, items: ['a', 'b'] });
      assert.equal(bench.seen.length, 4);
    },
    'refuses a run with an older token the fan-out of a newer one': async (bench) => {
      const key = randomUUID();
      const open = gate();
      bench.work = async () => {
        await open.opened;
        return undefined;
      };
      const newer = bench.run({ key, items: ['a'], run: { ...aRun(), fencingToken: 5, fenced: true } });
      await bench.until(() => bench.seen.length > 0);
      const older = bench.run({ key, items: ['a', 'b'], run: { ...aRun(), fencingToken: 4, fenced: true } });
      await assert.rejects(older, /newer run/);
      open.open();
      assert.equal((await newer).done, 1);
      assert.deepEqual(bench.seen.map(({ item }) => item), ['a']); // prettier-ignore
    },
    'counts nothing for a shard whose run was superseded': async (bench) => {
      const controller = new AbortController();
      let refused = 0;
      const counts: number[] = [];
      bench.work = ({ run }) => {
        if (++refused === 3) controller.abort(new Error('superseded'));
        throw new StaleRunError(run.worker, run.runId, 1);
      };
      const run = bench.run({
        items: numbers(3), shard: { retries: 3 }, signal: controller.signal, counted: (...of) => counts.push(...of),
      }); // prettier-ignore
      await assert.rejects(run, /superseded/);
      assert.ok(counts.every((count) => count === 0));
    },
    'ends the active shards of other replicas, and starts no further one there, when the run is told to end':
      async (bench) => {
        const other = await bench.join();
        const controller = new AbortController();
        bench.work = async ({ signal }) => {
          await aborted(signal);
          throw signal.reason;
        };
        const run = bench.run({ items: numbers(30), shard: { concurrency: 2 }, signal: controller.signal });
        await bench.until(() => bench.active === 4);
        assert.equal(bench.seen.filter(({ engine }) => engine === other).length, 2);
        controller.abort(new Error('enough'));
        await assert.rejects(run, /enough/);
        await bench.until(() => bench.active === 0);
        assert.equal(bench.seen.length, 4);
      },
    'hands the active shards of a replica that rests to another one': async (bench) => {
      const other = await bench.join();
      let cut = 0;
      bench.work = async ({ engine, signal }) => {
        if (engine !== other) {
          // Each holds its shard until the other one has one.
          await bench.until(() => cut > 0);
          return undefined;
        }
        cut++;
        await aborted(signal);
        throw signal.reason;
      };
      const run = bench.run({ items: numbers(8), shard: { concurrency: 1 } });
      await bench.until(() => cut > 0);
      await other.rest(AbortSignal.abort(new Error('shutdown')));
      const { done, failed } = await run;
      assert.deepEqual([done, failed], [8, 0]);
      assert.ok(bench.seen.every(({ attempt }) => attempt === 1));
    },
  });
}

interface Seen {
  readonly engine: FanOutEngine;
  readonly run: ShardRun;
  readonly item: unknown;
  readonly index: number;
  readonly attempt: number;
  readonly signal: AbortSignal;
}

type Given = Partial<Omit<FanOut, 'shard'>> & { items: readonly unknown[]; shard?: Partial<ShardDefinition> };

/** Engines on one server, and what their shards do. */
class Bench {
  readonly seen: Seen[] = [];
  active = 0;
  succeeded = 0;
  engine!: FanOutEngine;
  work: (shard: Seen) => ShardMetrics | Promise<ShardMetrics> = () => undefined;
  private readonly engines: FanOutEngine[] = [];

  private constructor(private readonly setup: FanOutEngineSetup) {}

  static async make(setup: () => Promise<FanOutEngineSetup>): Promise<Bench> {
    const bench = new Bench(await setup());
    bench.engine = await bench.join();
    return bench;
  }

  /** Another replica, which serves the shard methods of the cases. */
  async join(): Promise<FanOutEngine> {
    const engine = this.setup.engine();
    const host: FanOutHost = {
      perform: (_shard, { run, item, index, attempt }, signal) =>
        this.perform({ engine, run, item, index, attempt, signal }),
      reached: () => {},
    };
    this.engines.push(engine);
    await engine.open(host);
    return engine;
  }

  async run(given: Given): Promise<FanOutOutcome> {
    const run = given.run ?? aRun();
    const shard = shardOf(given.shard);
    const { signal = new AbortController().signal } = given;
    for (const engine of this.engines) engine.serve([shard]);
    return this.engine.run({
      key: randomUUID(),
      counted: () => {},
      mayStart: () => true,
      ...given,
      run,
      shard,
      signal,
      perform: (index, attempt) =>
        this.perform({ engine: this.engine, run, item: given.items[index], index, attempt, signal }),
    });
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async teardown(): Promise<void> {
    for (const engine of this.engines) {
      await engine.rest(AbortSignal.abort(new Error('over')));
      await engine.close();
    }
    await this.setup.teardown?.();
  }

  private async perform(shard: Seen): Promise<ShardMetrics> {
    this.seen.push(shard);
    this.active++;
    try {
      const metrics = await this.work(shard);
      this.succeeded++;
      return metrics;
    } finally {
      this.active--;
    }
  }
}

function aRun(): ShardRun {
  return {
    worker: 'w',
    runId: randomUUID(),
    fenced: false,
    trigger: 'schedule',
    scheduledAt: 1,
    startedAt: 2,
  };
}

function shardOf(given: Partial<ShardDefinition> = {}): ShardDefinition {
  return {
    name: 'Tenants.sweep',
    concurrency: 10,
    timeout: undefined,
    retries: 0,
    backoff: { initial: 1, max: 1, factor: 1 },
    source: 'Tenants.sweep (in TestModule)',
    call: () => {},
    ...given,
  };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function gate(): { opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
