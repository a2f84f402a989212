import { setImmediate as turn } from 'node:timers/promises';
import { type ModuleMetadata, Inject, Injectable, Scope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { gate } from '../../../test/support/gate.js';
import { RelayEngine } from '../../../test/support/relay.engine.js';
import { type EndedRun, type Run } from '../history/run.js';
import { RunCancelledError } from '../execution/execution.errors.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { WorkerTestHarness } from '../testing/worker-test-harness.js';
import { WorkerModule } from '../worker.module.js';
import { type FanOutOptions, type FanOutResult } from '../worker/fan-out.js';
import { Interval } from '../worker/interval.decorator.js';
import { RunContext, ShardContext } from '../worker/run-context.js';
import { Shard, type ShardOptions } from '../worker/shard.decorator.js';
import { FanOutError } from './fan-out.errors.js';

type Work = (item: never, context: ShardContext) => unknown;

/** Made by each test: what the run gives, what a shard does, and what came of it. */
interface Given {
  items: readonly unknown[];
  work: Work;
  options?: ShardOptions;
  fanOut?: FanOutOptions;
  timeout?: number;
}

describe('a fan-out in the process', () => {
  const harnesses: WorkerTestHarness[] = [];
  afterEach(async () => {
    for (const harness of harnesses.splice(0)) await harness.close();
  });

  async function start(providers: ModuleMetadata['providers'], options = {}): Promise<WorkerTestHarness> {
    const harness = await WorkerTestHarness.create(
      { imports: [WorkerModule.forRoot(options)], providers: providers! },
      { override: (builder) => builder.setLogger({ log: () => {}, warn: () => {}, error: () => {} }) },
    );
    harnesses.push(harness);
    return harness;
  }

  /** An application with one worker, which fans out; its result, when it has one. */
  async function sweeper({ items, work, options, fanOut, timeout }: Given) {
    const results: FanOutResult[] = [];
    @Injectable()
    class Tenants {
      @Interval('sweep', 0, { timeout })
      async sweep(context: RunContext) {
        results.push(await context.fanOut(this.sweepTenant, items as never[], fanOut));
      }

      @Shard(options)
      sweepTenant(item: never, context: ShardContext): unknown {
        return work(item, context);
      }
    }
    const harness = await start([Tenants]);
    return { harness, results, run: () => harness.run('sweep') };
  }

  it('calls the method once for each item, and counts them in the record of the run', async () => {
    const seen: unknown[] = [];
    const { harness, results, run } = await sweeper({
      items: ['a', 7, true, null, { deep: ['b'] }],
      work: (item) => seen.push(item),
    });
    const ended = await run();
    expect(seen).toEqual(['a', 7, true, null, { deep: ['b'] }]);
    expect(results).toEqual([{ total: 5, done: 5, failed: 0, errors: [] }]);
    expect(ended).toMatchObject({
      outcome: 'succeeded',
      shards: { total: 5, done: 5, failed: 0 },
      progress: { done: 5, total: 5 },
    });
    const [stored] = await harness.runs('sweep');
    expect(stored).toMatchObject({ shards: { total: 5, done: 5, failed: 0 } });
  });

  it('has nothing to do for no items', async () => {
    const { results, run } = await sweeper({ items: [], work: () => {} });
    expect(await run()).toMatchObject({ outcome: 'succeeded', shards: { total: 0, done: 0, failed: 0 } });
    expect(results).toEqual([{ total: 0, done: 0, failed: 0, errors: [] }]);
  });

  it('gives each shard what it needs of its run, as the context of all code that it calls', async () => {
    const seen: ShardContext[] = [];

    const { harness } = await sweeper({
      items: ['a', 'b'],
      work: (_item, context) => {
        expect(RunContext.current()).toBe(context);
        seen.push(context);
      },
    });
    const run: Run = await (
      await harness.get(Scheduler).trigger('sweep', { day: 1 }, { actor: 'ann' })
    ).ended;
    expect(seen).toHaveLength(2);
    for (const [index, context] of seen.entries()) {
      expect(context).toBeInstanceOf(ShardContext);
      expect(context).toMatchObject({
        shard: 'Tenants.sweepTenant', index, attempt: 1, worker: 'sweep', runId: run.id,
        trigger: 'manual', actor: 'ann', payload: { day: 1 }, slot: undefined, fencingToken: undefined,
        scheduledAt: run.scheduledAt, startedAt: run.startedAt,
      }); // prettier-ignore
    }
    await expect(seen[0]!.assertCurrent({ query: async () => [] })).resolves.toBeUndefined();
  });

  it('runs as many at a time as it is told, 10 by default', async () => {
    for (const [options, most] of [
      [undefined, 10],
      [{ concurrency: 3 }, 3],
      [{ concurrency: 100 }, 25],
    ] as const) {
      let active = 0;
      let highest = 0;
      const { run } = await sweeper({
        items: Array.from({ length: 25 }, (_, i) => i),
        options,
        work: async () => {
          highest = Math.max(highest, ++active);
          await turn();
          active--;
        },
      });
      expect(await run()).toMatchObject({ outcome: 'succeeded' });
      expect(highest).toBe(most);
    }
  });

  it('lets the event loop have its turn between many shards that wait for nothing', async () => {
    let turns = 0;
    let over = false;
    const count = async (): Promise<void> => {
      while (!over) {
        await turn();
        turns++;
      }
    };
    const { run } = await sweeper({ items: Array.from({ length: 10_000 }, (_, i) => i), work: () => {} });
    const counted = count();
    expect(await run()).toMatchObject({ shards: { done: 10_000 } });
    over = true;
    await counted;
    expect(turns).toBeGreaterThanOrEqual(10);
  });

  it('tries a shard that fails again after its backoff, while others go on', async () => {
    const attempts: [item: unknown, attempt: number][] = [];
    const { harness, results, run } = await sweeper({
      items: ['bad', 'good', 'late'],
      options: { concurrency: 1, retries: 2, backoff: { initial: '1m', factor: 3 } },
      work: (item, { attempt }) => {
        attempts.push([item, attempt]);
        if (item === 'bad' && attempt < 3) throw new Error('no');
      },
    });
    const ended = run();
    const after = async (ms: number): Promise<void> => {
      await harness.advance(ms);
      await turn();
    };
    await after(0);
    expect(attempts).toEqual([['bad', 1], ['good', 1], ['late', 1]]); // prettier-ignore
    await after(59_999);
    expect(attempts).toHaveLength(3);
    await after(1);
    expect(attempts.at(-1)).toEqual(['bad', 2]);
    await after(179_999);
    expect(attempts).toHaveLength(4);
    await after(1);
    expect(await ended).toMatchObject({ outcome: 'succeeded', shards: { total: 3, done: 3, failed: 0 } });
    expect(attempts).toHaveLength(5);
    expect(results).toEqual([{ total: 3, done: 3, failed: 0, errors: [] }]);
  });

  it('runs all shards, and then fails the run when some have failed', async () => {
    const { run } = await sweeper({
      items: ['a', 'b', 'c'],
      work: (item) => {
        if (item !== 'b') throw new TypeError(`not ${String(item)}`);
      },
    });
    const ended = await run();
    expect(ended).toMatchObject({
      outcome: 'failed',
      shards: { total: 3, done: 1, failed: 2 },
      progress: { done: 3, total: 3 },
      error: {
        name: 'FanOutError',
        message: '2 of 3 shards of "Tenants.sweepTenant" failed; the first: item 0 (a): TypeError: not a',
      },
    });
  });

  it('gives back which shards failed, with item, attempts and error, the first ten of them', async () => {
    const items = Array.from({ length: 30 }, (_, id) => ({ id }));
    const { results, run } = await sweeper({
      items,
      fanOut: { failures: 'collect' },
      work: async ({ id }: { id: number }) => {
        // The later ones end first.
        for (let i = id; i < 30; i++) await turn();
        if (id >= 5) throw Object.assign(new Error(`boom ${id}`), { name: 'Boom' });
      },
    });
    expect(await run()).toMatchObject({ outcome: 'succeeded', shards: { total: 30, done: 5, failed: 25 } });
    const [{ errors, ...counts }] = results as [FanOutResult];
    expect(counts).toEqual({ total: 30, done: 5, failed: 25 });
    expect(errors).toHaveLength(10);
    expect(errors.map(({ index }) => index)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    expect(errors[0]).toMatchObject({
      item: { id: 5 }, index: 5, attempts: 1, error: { name: 'Boom', message: 'boom 5' },
    }); // prettier-ignore
  });

  it('adds up the shards of several calls, also of calls at the same time', async () => {
    @Injectable()
    class Twice {
      @Interval('twice', 0)
      async sweep({ fanOut }: RunContext) {
        await fanOut(this.one, ['a', 'b']);
        await Promise.all([fanOut(this.one, ['c']), fanOut(this.other, [1, 2, 3], { failures: 'collect' })]);
      }

      @Shard()
      async one(_item: string) {
        await turn();
      }

      @Shard()
      other(item: number) {
        if (item === 2) throw new Error('two');
      }
    }
    const harness = await start([Twice]);
    expect(await harness.run('twice')).toMatchObject({
      outcome: 'succeeded',
      shards: { total: 6, done: 5, failed: 1 },
      progress: { done: 6, total: 6 },
    });
  });

  it('shows live counts, and the message of a shard', async () => {
    const held = gate();
    const { harness, run } = await sweeper({
      items: ['a', 'b', 'c'],
      options: { concurrency: 1 },
      work: async (item, { progress }) => {
        progress(0, 0, `at ${String(item)}`);
        if (item === 'c') await held.opened;
      },
    });
    const ended = run();
    while (harness.worker('sweep').progress?.done !== 2) await turn();
    expect(harness.worker('sweep').progress).toEqual({ done: 2, total: 3, message: 'at c' });
    held.open();
    expect(await ended).toMatchObject({ progress: { done: 3, total: 3, message: 'at c' } });
  });

  it("adds what shards report to the run's metrics, of each shard the attempt that succeeded", async () => {
    const { harness, results, run } = await sweeper({
      items: [1, 10, 100],
      options: { retries: 1, backoff: 1 },
      fanOut: { failures: 'collect' },
      work: (item: number, { metric, attempt }) => {
        metric('rows', item);
        metric('rows', item * 2);
        if (item === 10 && attempt === 1) throw new Error('once');
        if (item === 100) throw new Error('always');
      },
    });
    const ended = run();
    await harness.advance(1);
    expect(await ended).toMatchObject({ outcome: 'succeeded', metrics: { rows: 22 } });
    expect(results).toMatchObject([{ done: 2, failed: 1, metrics: { rows: 22 } }]);
  });

  it('aborts a shard at its timeout, and counts the attempt as failed when the method has ended', async () => {
    const reasons: unknown[] = [];
    const { harness, run } = await sweeper({
      items: ['slow', 'fast', 'deaf'],
      options: { timeout: '10s' },
      work: (item, { signal }) => {
        if (item === 'fast') return undefined;
        return new Promise<void>((resolve, reject) =>
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            if (item === 'slow') reject(signal.reason as Error);
            else resolve();
          }),
        );
      },
    });
    const ended = run();
    await turn();
    await harness.advance('10s');
    expect(await ended).toMatchObject({
      outcome: 'failed',
      shards: { total: 3, done: 1, failed: 2 },
      error: { message: expect.stringContaining('took longer than its timeout of 10000 ms') },
    });
    expect(reasons).toHaveLength(2);
  });

  const untilAborted = (_item: never, { signal }: ShardContext): Promise<never> =>
    new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    );

  it.each<[string, (harness: WorkerTestHarness, run: Run) => unknown, EndedRun['outcome']]>([
    ['the timeout of the run', (harness) => harness.advance('1m'), 'timed_out'],
    [
      'a cancellation',
      (harness, { id }) => harness.get(Scheduler).cancel(id, { actor: 'ann', reason: 'enough' }),
      'cancelled',
    ],
    [
      'the drain',
      (harness) => Promise.all([harness.get(Scheduler).stop(), harness.advance('10s')]),
      'aborted',
    ],
  ])('is ended by %s: active shards are aborted, and no other starts', async (_what, end, outcome) => {
    const started: unknown[] = [];
    const { harness, run } = await sweeper({
      items: ['a', 'b', 'c', 'd'],
      options: { concurrency: 2, retries: 3, timeout: '1h' },
      timeout: 60_000,
      work: (item, context) => {
        started.push(item);
        return untilAborted(item, context);
      },
    });
    const ended = run();
    while (started.length < 2) await turn();
    await end(harness, harness.events.flatMap((event) => ('run' in event ? [event.run] : []))[0]!);
    expect(await ended).toMatchObject({ outcome, shards: { total: 4, done: 0, failed: 0 } });
    expect(started).toEqual(['a', 'b']);
  });

  it('is over at once when a run is cancelled while its shards wait for another attempt', async () => {
    const { harness, run } = await sweeper({
      items: ['a'],
      options: { retries: 3, backoff: '1h' },
      work: () => {
        throw new Error('no');
      },
    });
    const ended = run();
    while (harness.events.length === 0) await turn();
    await turn();
    const [event] = harness.events;
    await harness.get(Scheduler).cancel((event as { run: Run }).run.id, { actor: 'ann' });
    expect(await ended).toMatchObject({ outcome: 'cancelled', shards: { total: 1, done: 0, failed: 0 } });
  });

  it('is ended by a signal of its own, while its run goes on', async () => {
    const controller = new AbortController();
    const reason = new Error('late');
    const started: unknown[] = [];
    let thrown: unknown;
    @Injectable()
    class Impatient {
      @Interval('impatient', 0)
      async sweep({ fanOut }: RunContext) {
        const { signal } = controller;
        thrown = await fanOut(this.shard, ['a', 'b'], { signal }).catch((error: unknown) => error);
        await fanOut(this.other, ['c']);
        await fanOut(this.other, ['d'], { signal }).catch(() => {});
      }

      @Shard({ concurrency: 1 })
      shard(item: string, context: ShardContext) {
        started.push(item);
        const ended = untilAborted(item as never, context);
        controller.abort(reason);
        return ended;
      }

      @Shard()
      other(item: string) {
        started.push(item);
      }
    }
    const harness = await start([Impatient]);
    expect(await harness.run('impatient')).toMatchObject({ outcome: 'succeeded' });
    expect(thrown).toBe(reason);
    expect(started).toEqual(['a', 'c']);
  });

  it('says whether its shards run on every replica: with an engine, while that can be reached', async () => {
    const seen: boolean[] = [];
    @Injectable()
    class Asking {
      @Interval('asking', 0)
      async sweep({ distributesShards, fanOut }: RunContext) {
        seen.push(distributesShards);
        await fanOut(this.shard, ['a']);
      }

      @Shard()
      shard(_item: string, { distributesShards }: ShardContext) {
        seen.push(distributesShards);
      }
    }
    const engine = new RelayEngine();
    for (const options of [{}, { fanOut: engine }]) await (await start([Asking], options)).run('asking');
    engine.lose();
    await harnesses.at(-1)!.run('asking');
    expect(seen).toEqual([false, false, true, false, false, false]);
  });

  it('takes the options of a shard from its provider, when the application starts', async () => {
    let active = 0;
    let most = 0;
    @Injectable()
    class Configured {
      readonly options = { concurrency: 3, name: 'from_configuration' };

      @Interval('configured', 0)
      async sweep({ fanOut }: RunContext) {
        await fanOut(this.shard, [1, 2, 3, 4, 5, 6]);
      }

      @Shard<Configured>(({ options }) => options)
      async shard(_item: number, { shard }: ShardContext) {
        expect(shard).toBe('from_configuration');
        most = Math.max(most, ++active);
        await turn();
        active--;
      }
    }
    const harness = await start([Configured]);
    expect(await harness.run('configured')).toMatchObject({ outcome: 'succeeded' });
    expect(most).toBe(3);

    @Injectable()
    class Broken {
      @Shard(() => {
        throw new Error('no configuration');
      })
      shard(_item: number) {}
    }
    await expect(start([Broken])).rejects.toThrow(
      /the function that gives its options threw: Error: no configuration/,
    );

    @Injectable({ scope: Scope.REQUEST })
    class PerShard {
      @Shard(() => ({}))
      shard(_item: number) {}
    }
    await expect(start([PerShard])).rejects.toThrow(
      /a function gives its options, and there is no instance to ask/,
    );
  });

  it('does not start a shard in a run that is aborted already', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Late {
      @Interval('late', 0)
      async sweep(context: RunContext) {
        await untilAborted(undefined as never, context as ShardContext).catch(() => {});
        await context.fanOut(this.shard, ['a']);
      }

      @Shard()
      shard(item: string) {
        seen.push(item);
      }
    }
    const harness = await start([Late]);
    const ended = harness.run('late');
    while (harness.events.length === 0) await turn();
    await harness.get(Scheduler).cancel((harness.events[0] as { run: Run }).run.id, { actor: 'ann' });
    const run = await ended;
    expect(run).toMatchObject({ outcome: 'cancelled', error: { name: RunCancelledError.name } });
    expect(seen).toEqual([]);
  });

  it('fails a run that did not wait for its fan-out, and ends that', async () => {
    const started: unknown[] = [];
    const failures: unknown[] = [];
    @Injectable()
    class Hasty {
      @Interval('hasty', 0)
      sweep(context: RunContext) {
        context.fanOut(this.shard, ['a', 'b']).catch((error: unknown) => failures.push(error));
      }

      @Shard({ concurrency: 1 })
      shard(item: string, context: ShardContext) {
        started.push(item);
        return untilAborted(item as never, context);
      }
    }
    const harness = await start([Hasty]);
    expect(await harness.run('hasty')).toMatchObject({
      outcome: 'failed',
      error: { name: 'FanOutNotAwaitedError', message: expect.stringContaining('await context.fanOut') },
    });
    expect(started).toEqual(['a']);
    expect(failures).toEqual([expect.objectContaining({ name: 'FanOutNotAwaitedError' })]);
  });

  it('refuses a fan-out after the end of the run, and one within a shard', async () => {
    let kept!: RunContext;
    let inner: unknown;
    const { run } = await sweeper({
      items: ['a'],
      work: async (_item, context) => {
        inner = await context.fanOut(() => {}, []).catch((error: unknown) => error);
      },
    });
    await run();
    expect(inner).toMatchObject({
      name: 'FanOutRefusedError',
      message: expect.stringContaining('cannot fan out'),
    });
    @Injectable()
    class Keeper {
      @Interval('keeper', 0)
      keep(context: RunContext) {
        kept = context;
      }

      @Shard()
      shard(_item: string) {}
    }
    const harness = await start([Keeper]);
    await harness.run('keeper');
    const { shard } = harness.get(Keeper);
    await expect(kept.fanOut(shard, ['a'])).rejects.toThrow(/has ended: await context.fanOut in the run/);
  });

  it.each<[string, unknown[], RegExp]>([
    ['a date', ['a', new Date(0)], /^Item 1 cannot be given to "Tenants.sweepTenant": JSON changes it/],
    ['undefined', [undefined], /^Item 0 .*undefined is no JSON/],
    ['a hole', [1, , 3], /^Item 1 .*undefined is no JSON/],
    ['an undefined property', [{ id: 1, name: undefined }], /^Item 0 .*JSON changes it/],
    ['a bigint', [1n], /^Item 0 .*BigInt/],
    ['NaN', [0, NaN], /^Item 1 .*JSON changes it/],
    ['minus zero', [-0], /^Item 0 .*JSON changes it/],
    ['an instance of a class', [new URL('http://a.b')], /^Item 0 .*JSON changes it/],
    ['a function', [() => {}], /^Item 0 .*a function is no JSON/],
    ['a NUL', ['a\0b'], /^Item 0 .*NUL/],
    ['half an emoji', ['\ud83d'], /^Item 0 .*half a character/],
    ['a NUL inside', [{ a: ['\0'] }], /^Item 0 .*NUL/],
    ['a cycle', [Object.assign([], { 0: 1 }), ((o: { o?: unknown }) => (o.o = o))({})], /^Item 1 .*JSON/],
    ['what is too large', ['x'.repeat(70_000)], /^Item 0 .*longer than 65536/],
  ])('refuses %s among the items, before any shard starts', async (_what, items, message) => {
    const seen: unknown[] = [];
    const { run } = await sweeper({ items, work: (item) => seen.push(item) });
    expect(await run()).toMatchObject({
      outcome: 'failed',
      error: { name: 'InvalidShardItemError', message: expect.stringMatching(message) },
    });
    expect(seen).toEqual([]);
  });

  it.each<[unknown, RegExp]>([
    [new Set(['a']), /a value of type object instead of an array of items/],
    ['abc', /a value of type string instead of an array/],
    [null, /null instead of an array/],
  ])('refuses %p instead of an array of items', async (items, message) => {
    const { run } = await sweeper({ items: items as never, work: () => {} });
    expect(await run()).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringMatching(message) },
    });
  });

  it('gives shards items that the run no longer changes', async () => {
    const items = [{ id: 1 }, { id: 2 }];
    const seen: unknown[] = [];
    const { run } = await sweeper({
      items,
      options: { concurrency: 1 },
      work: async (item: { id: number }) => {
        items[1]!.id = 9;
        items.push({ id: 3 });
        await turn();
        seen.push(item);
      },
    });
    expect(await run()).toMatchObject({ shards: { total: 2, done: 2 } });
    expect(seen).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('says what is wrong with a method that is no shard', async () => {
    @Injectable()
    class Wrong {
      @Interval('bound', 0)
      bound(context: RunContext) {
        return context.fanOut(this.shard.bind(this), ['a']);
      }
      @Interval('wrapped', 0)
      wrapped(context: RunContext) {
        return context.fanOut((item: string) => this.shard(item), ['a']);
      }
      @Interval('undecorated', 0)
      undecorated(context: RunContext) {
        return context.fanOut(this.plain, ['a']);
      }
      @Interval('nothing', 0)
      nothing(context: RunContext) {
        return context.fanOut(undefined as never, ['a']);
      }
      @Interval('odd', 0)
      odd(context: RunContext) {
        return context.fanOut(this.shard, ['a'], { failures: 'ignore' as never });
      }
      plain(_item: string) {}
      @Shard()
      shard(_item: string) {}
    }
    const harness = await start([Wrong]);
    const message = async (worker: string) => (await harness.run(worker)).error?.message;
    expect(await message('bound')).toMatch(
      /"bound shard", which is no method with @Shard .* \(this\.shard\)/,
    );
    expect(await message('wrapped')).toMatch(/a function, which is no method with @Shard/);
    expect(await message('undecorated')).toMatch(/the function "plain"/);
    expect(await message('nothing')).toMatch(/a value of type undefined instead of a method/);
    expect(await message('odd')).toMatch(/"ignore" is none of throw, collect/);
  });

  it('calls the method of the class whose worker it is, when classes inherit it', async () => {
    const seen: string[] = [];
    abstract class Base {
      @Shard()
      shard(item: string) {
        seen.push(`${this.constructor.name} ${item}`);
      }
    }
    @Injectable()
    class Left extends Base {
      @Interval('left', 0)
      work(context: RunContext) {
        return context.fanOut(this.shard, ['a']);
      }
    }
    @Injectable()
    class Right extends Base {
      @Interval('right', 0)
      work(context: RunContext) {
        return context.fanOut(this.shard, ['b']);
      }
    }
    const harness = await start([Left, Right]);
    await harness.run('right');
    await harness.run('left');
    expect(seen).toEqual(['Right b', 'Left a']);
  });

  it('makes a request-scoped provider for each shard, with its context as the request', async () => {
    const seen: [instance: object, request: unknown, context: unknown][] = [];
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      constructor(@Inject(REQUEST) private readonly request: unknown) {}

      @Shard()
      shard(_item: string, context: ShardContext) {
        seen.push([this, this.request, context]);
      }
    }
    @Injectable()
    class Worker {
      @Interval('scoped', 0)
      work(context: RunContext) {
        return context.fanOut(Scoped.prototype.shard, ['a', 'b']);
      }
    }
    const harness = await start([Scoped, Worker]);
    expect(await harness.run('scoped')).toMatchObject({ outcome: 'succeeded', shards: { done: 2 } });
    expect(new Set(seen.map(([instance]) => instance)).size).toBe(2);
    for (const [, request, context] of seen) expect(request).toBe(context);
  });

  it.each<[string, ShardOptions, RegExp]>([
    ['a concurrency of 0', { concurrency: 0 }, /concurrency: 0 is no whole number from 1 on/],
    ['half a concurrency', { concurrency: 1.5 }, /concurrency: 1.5/],
    ['negative retries', { retries: -1 }, /retries: -1 is no whole number from 0 on up to 1000/],
    ['a timeout that is none', { timeout: 'soon' as never }, /timeout: 'soon' is not a duration/],
    ['a timeout of 0', { timeout: 0 }, /timeout: 0 leaves a run no time/],
    ['a backoff of 0', { backoff: 0 }, /backoff: an initial wait of 0 ms is none/],
    ['an empty name', { name: ' ' }, /name: {3}is not a name/],
    ['all of it', { concurrency: 0, retries: 0.5 }, /concurrency: .*; retries: /],
  ])('refuses %s at the start, with class, method, value and fix', async (_what, options, message) => {
    const started = sweeper({ items: [], work: () => {}, options });
    await expect(started).rejects.toThrow(
      /^A shard method is badly defined:\n {2}- Tenants.sweepTenant \(in RootTestModule\): /,
    );
    await expect(sweeper({ items: [], work: () => {}, options })).rejects.toThrow(message);
  });

  it('refuses two shards of one name, and one on a static method', async () => {
    @Injectable()
    class One {
      @Shard({ name: 'same' })
      a() {}
      @Shard({ name: 'same' })
      b() {}
      @Shard()
      static c() {}
    }
    await expect(start([One])).rejects.toThrow(
      /2 shard methods are badly defined:\n.*One\.b .*"same" is taken by One\.a .*\n.*One\.c .*static method/,
    );
  });

  it('throws an error with the whole result', async () => {
    let thrown: unknown;
    @Injectable()
    class Catching {
      @Interval('catching', 0)
      async work(context: RunContext) {
        await context.fanOut(this.shard, ['a', 'b']).catch((error: unknown) => (thrown = error));
      }
      @Shard()
      shard(item: string) {
        if (item === 'b') throw new Error('no b');
      }
    }
    const harness = await start([Catching]);
    expect(await harness.run('catching')).toMatchObject({ outcome: 'succeeded' });
    expect(thrown).toBeInstanceOf(FanOutError);
    expect(thrown).toMatchObject({
      shard: 'Catching.shard',
      result: { total: 2, done: 1, failed: 1, errors: [{ item: 'b', index: 1, attempts: 1 }] },
    });
  });
});
