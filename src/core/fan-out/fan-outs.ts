import { Inject, Injectable, Logger } from '@nestjs/common';
import { type ActiveRun, type FanOutMaker } from '../execution/active-run.js';
import { RunExecutor } from '../execution/run.executor.js';
import { RunInterceptors } from '../execution/run-interceptor.js';
import { Outages, type OutageState } from '../outages/outages.js';
import { type SchedulerOptions } from '../scheduler/scheduler.options.js';
import { inRootContext } from '../timing/root-context.js';
import { Clock } from '../timing/clock.js';
import { conveyed } from '../worker/conveyed-run.js';
import { type FanOutOptions, type FanOutResult, type ShardCounts } from '../worker/fan-out.js';
import { WORKER_OPTIONS } from '../worker/module-options.token.js';
import { type FanOut, FanOutEngine, type FanOutOutcome } from './fan-out.engine.js';
import { FanOutError, FanOutRefusedError } from './fan-out.errors.js';
import { type FanOutModuleOptions } from './fan-out.options.js';
import { LocalFanOutEngine } from './local.engine.js';
import { type ShardDefinition } from './shard-definition.js';
import { checkedItems } from './shard-items.js';
import { sumOf } from './shard-results.js';
import { ShardHost } from './shard-host.js';
import { runShard } from './shard-runner.js';
import { ShardRegistry } from './shard.registry.js';

/** The fan-outs of this replica's runs. */
@Injectable()
export class FanOuts implements FanOutMaker {
  private readonly engine: FanOutEngine;
  private readonly outages: Outages<'calls'>;
  private readonly host: ShardHost;
  /** Whether shards of other replicas run here. */
  private serving = false;

  constructor(
    @Inject(WORKER_OPTIONS) options: FanOutModuleOptions & Pick<SchedulerOptions, 'coordination'>,
    @Inject(Clock) private readonly clock: Clock,
    private readonly shards: ShardRegistry,
    executor: RunExecutor,
    interceptors: RunInterceptors,
  ) {
    this.engine = options.fanOut ?? new LocalFanOutEngine(clock);
    const { description } = this.engine;
    this.outages = new Outages(clock, new Logger('Workers'), {
      unreachable: (reason) => `Shards wait, as their engine cannot be reached (${description}): ${reason}`,
      reachable: () => `The engine of shards can be reached again (${description})`,
      refused: (_calls, reason) => `Shards wait, as their engine refuses calls (${description}): ${reason}`,
      accepted: () => `The engine of shards accepts calls again (${description})`,
    });
    this.host = new ShardHost(options.coordination, interceptors, this.outages, clock);
    executor.fansOutBy(this);
  }

  /** Where shards run; undefined: in the process of their run. */
  get description(): string | undefined {
    return this.engine instanceof LocalFanOutEngine ? undefined : this.engine.description;
  }

  get distributed(): boolean {
    return this.description !== undefined && this.outages.state === 'ok';
  }

  /** State of the engine. `unreachable`: shards wait, here and on other replicas. */
  get status(): { state: OutageState } {
    return { state: this.outages.state };
  }

  /** Rejects when the engine cannot be opened. */
  async open(): Promise<void> {
    await inRootContext(() => this.engine.open(this.host));
  }

  /** Finds the shard methods that were not there before. @throws InvalidShardsError */
  discover(): void {
    this.shards.discover();
    if (this.serving) this.engine.serve(this.shards.all());
  }

  /** From now on shards of all replicas run here. */
  serve(): void {
    this.serving = true;
    this.engine.serve(this.shards.all());
  }

  /** Takes no more shards, gives active ones `timeout` milliseconds to end, and then aborts them. */
  async rest(timeout: number): Promise<void> {
    if (!this.serving) return;
    this.serving = false;
    const controller = new AbortController();
    const timer = this.clock.setTimer(() => controller.abort(), timeout);
    await this.engine.rest(controller.signal).catch((error: unknown) => this.host.reached(error));
    timer.cancel();
  }

  /** Never rejects: a shutdown goes on without the engine. */
  async close(): Promise<void> {
    await this.engine.close().catch((error: unknown) => this.host.reached(error));
  }

  async fanOut(
    run: ActiveRun,
    method: unknown,
    given: readonly unknown[],
    { failures = 'throw', signal: own }: FanOutOptions = {},
  ): Promise<FanOutResult<never>> {
    const shard = this.shards.of(method, run.source);
    if (failures !== 'throw' && failures !== 'collect')
      throw new TypeError(`failures: ${JSON.stringify(failures)} is none of throw, collect`);
    const items = checkedItems(shard.name, given);
    if (run.run.endedAt)
      throw new FanOutRefusedError(`The run of "${run.worker}" has ended: await context.fanOut in the run`);
    run.signal.throwIfAborted();
    own?.throwIfAborted();
    const { done, failed, errors, metrics } = await run.fansOut(shard.name, (key, signal) =>
      this.perform(run, key, shard, items, own ? AbortSignal.any([signal, own]) : signal),
    );
    if (metrics) run.addMetrics((own) => sumOf(own, metrics));
    const result = { total: items.length, done, failed, errors, metrics } as FanOutResult<never>;
    if (failed > 0 && failures === 'throw') throw new FanOutError(shard.name, result);
    return result;
  }

  /** Nobody waits for it: what is not deleted now goes when its time is over. */
  private forget(keys: readonly string[]): void {
    void this.engine.forget(keys).catch(() => {});
  }

  private perform(
    run: ActiveRun,
    key: string,
    shard: ShardDefinition,
    items: readonly unknown[],
    signal: AbortSignal,
  ): Promise<FanOutOutcome> {
    const counts = new CallCounts(run, items.length);
    run.ownFanOuts!.whenSucceeded((keys) => this.forget(keys));
    const fanOut: FanOut = {
      key,
      run: { ...conveyed(run), fenced: run.fenced },
      shard,
      items,
      signal,
      mayStart: () => run.mayStart,
      perform: (index, attempt) =>
        runShard(
          { shard, run, item: items[index], index, attempt, signal, say: (message) => counts.say(message) },
          this.clock,
        ),
      counted: (done, failed) => counts.set(done, failed),
    };
    return this.engine.run(fanOut);
  }
}

/** The counts of one call among those of its run. */
class CallCounts {
  private done = 0;
  private failed = 0;
  private readonly shards: ShardCounts;

  constructor(
    private readonly run: ActiveRun,
    total: number,
  ) {
    this.shards = run.run.shards ??= { total: 0, done: 0, failed: 0 };
    this.shards.total += total;
    this.tell();
  }

  set(done: number, failed: number): void {
    this.shards.done += done - this.done;
    this.shards.failed += failed - this.failed;
    this.done = done;
    this.failed = failed;
    this.tell();
  }

  say(message: unknown): void {
    this.tell(message);
  }

  /** Without a message, the last one stays. */
  private tell(message: unknown = this.run.run.progress?.message): void {
    const { total, done, failed } = this.shards;
    this.run.progress(done + failed, total, message as string | undefined);
  }
}
