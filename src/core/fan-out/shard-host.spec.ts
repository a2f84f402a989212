import { setImmediate as turn } from 'node:timers/promises';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { afterEach, describe, expect, it } from '@jest/globals';
import { StaleRunError } from '../coordination/coordination.errors.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { type RunInterceptor, RunInterceptors } from '../execution/run-interceptor.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { ManualClock } from '../testing/manual-clock.js';
import { WorkerTestHarness } from '../testing/worker-test-harness.js';
import { WorkerHealthIndicator, WorkerHealthModule } from '../terminus/index.js';
import { WorkerModule } from '../worker.module.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';
import { Interval } from '../worker/interval.decorator.js';
import { RunContext, type ShardContext } from '../worker/run-context.js';
import { Shard } from '../worker/shard.decorator.js';
import { type FanOutHost, type ShardRun } from './fan-out.engine.js';
import { LocalFanOutEngine } from './local.engine.js';
import { type ShardDefinition } from './shard-definition.js';

/** What an engine is given by the replica that it serves. */
class OpenEngine extends LocalFanOutEngine {
  host!: FanOutHost;
  served: readonly ShardDefinition[] = [];
  readonly calls: string[] = [];

  override async open(host?: FanOutHost): Promise<void> {
    this.host = host!;
    this.calls.push('open');
  }
  override serve(shards: readonly ShardDefinition[] = []): void {
    this.served = shards;
    this.calls.push('serve');
  }
  override async rest(): Promise<void> {
    this.calls.push('rest');
  }
  override async close(): Promise<void> {
    this.calls.push('close');
  }
}

describe('a replica that an engine brings shards to', () => {
  const harnesses: WorkerTestHarness[] = [];
  const seen: { item: unknown; context: ShardContext; current: unknown }[] = [];
  const around: RunContext[] = [];
  afterEach(async () => {
    for (const harness of harnesses.splice(0)) await harness.close();
    seen.length = around.length = 0;
  });

  @Injectable()
  class Tenants {
    @Interval('sweep', '1m')
    sweep() {}

    @Shard()
    async sweepTenant(item: string, context: ShardContext) {
      seen.push({ item, context, current: RunContext.current() });
      context.metric('rows', 2);
      await context.fanOut(this.sweepTenant, []).catch(() => {});
    }
  }
  @Injectable()
  class Claims implements RunInterceptor, OnModuleInit {
    constructor(private readonly interceptors: RunInterceptors) {}
    onModuleInit() {
      this.interceptors.add(this);
    }
    async intercept<T>(context: RunContext, next: () => Promise<T>): Promise<T> {
      around.push(context);
      return next();
    }
  }

  async function start(options: WorkerModuleOptions = {}, clock = new ManualClock()) {
    const engine = new OpenEngine(clock);
    const harness = await WorkerTestHarness.create(
      {
        imports: [WorkerModule.forRoot({ fanOut: engine, ...options }), TerminusModule, WorkerHealthModule],
        providers: [Tenants, Claims],
      },
      { clock, override: (builder) => builder.setLogger({ log: () => {}, warn: () => {}, error: () => {} }) },
    );
    harnesses.push(harness);
    return { engine, harness };
  }
  const run = (given: Partial<ShardRun> = {}): ShardRun => ({
    worker: 'sweep', runId: 'r', fenced: false, trigger: 'schedule', slot: 5, scheduledAt: 6, startedAt: 7, payload: { a: 1 }, ...given,
  }); // prettier-ignore
  const perform = (
    { host, served }: OpenEngine,
    given: Partial<ShardRun> = {},
    signal = new AbortController().signal,
  ) => host.perform(served[0]!, { run: run(given), item: 'a', index: 3, attempt: 2 }, signal);

  it('runs them with the context of their run, inside what wraps runs', async () => {
    const { engine } = await start();
    expect(engine.served.map(({ name }) => name)).toEqual(['Tenants.sweepTenant']);
    expect(await perform(engine, { actor: 'ann', fencingToken: 9 })).toEqual({ rows: 2 });
    const [{ item, context, current }] = seen as [(typeof seen)[number]];
    expect(item).toBe('a');
    expect(current).toBe(context);
    expect(around).toEqual([context]);
    expect(context).toMatchObject({
      worker: 'sweep', runId: 'r', shard: 'Tenants.sweepTenant', index: 3, attempt: 2, actor: 'ann', fencingToken: 9,
      slot: new Date(5), scheduledAt: new Date(6), startedAt: new Date(7), payload: { a: 1 }, trigger: 'schedule',
    }); // prettier-ignore
  });

  it('refuses them when a run with a newer token was granted, also to a shard whose worker is unknown', async () => {
    const clock = new ManualClock();
    const { engine, harness } = await start({ coordination: new LocalCoordinator(clock) }, clock);
    await harness.runNext('sweep');
    await harness.runNext('sweep');
    await expect(perform(engine, { fenced: true, fencingToken: 1 })).rejects.toThrow(StaleRunError);
    expect(seen).toEqual([]);
    expect(await perform(engine, { fenced: true, fencingToken: 2 })).toEqual({ rows: 2 });
    await expect(perform(engine, { worker: 'gone', fenced: true, fencingToken: 2 })).rejects.toThrow(
      StaleRunError,
    );
    expect(seen).toHaveLength(1);
  });

  it('does not start them while the coordination cannot tell whose the newest run is', async () => {
    const clock = new ManualClock();
    const coordination = new LocalCoordinator(clock);
    const { engine } = await start({ coordination }, clock);
    let asked = 0;
    coordination.records = async () => {
      asked++;
      throw new Error('away');
    };
    const controller = new AbortController();
    const performed = perform(engine, { fenced: true, fencingToken: 1 }, controller.signal);
    while (asked === 0) await turn();
    controller.abort(new Error('enough'));
    await expect(performed).rejects.toThrow('enough');
    expect(seen).toEqual([]);
  });

  it('is degraded while the engine cannot be reached, and not down', async () => {
    const { engine, harness } = await start();
    const health = () => harness.get(WorkerHealthIndicator).isHealthy('workers').workers;
    expect(health()).toMatchObject({ status: 'up' });
    engine.host.reached(new Error('connect ECONNREFUSED password'));
    expect(health()).toMatchObject({ status: 'degraded', fanOut: { state: 'unreachable' } });
    expect(JSON.stringify(health())).not.toContain('password');
    engine.host.reached(undefined);
    expect(health()).toMatchObject({ status: 'up' });
  });

  it('takes shards from the start of the scheduler on, and no more when it is shut down', async () => {
    const { engine, harness } = await start({ autoStart: false });
    expect(engine.calls).toEqual(['open']);
    harness.get(Scheduler).start();
    expect(engine.calls).toEqual(['open', 'serve']);
    harnesses.splice(0);
    await harness.close();
    expect(engine.calls).toEqual(['open', 'serve', 'rest', 'close']);
  });

  it('takes none with the option run: false', async () => {
    const { engine, harness } = await start({ run: false });
    harness.get(Scheduler).start();
    expect(engine.calls).toEqual(['open']);
  });
});
