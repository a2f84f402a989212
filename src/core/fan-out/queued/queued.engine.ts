import { StaleRunError } from '../../coordination/coordination.errors.js';
import { waitAfter } from '../../scheduler/backoff.js';
import { describeError } from '../../text/describe-error.js';
import { atMost } from '../../timing/at-most.js';
import { inRootContext } from '../../timing/root-context.js';
import { SystemClock, type Timer } from '../../timing/clock.js';
import { startTicking } from '../../timing/timer.js';
import {
  type FanOut,
  FanOutEngine,
  type FanOutHost,
  type FanOutOutcome,
  type ShardRun,
} from '../fan-out.engine.js';
import { type ShardDefinition } from '../shard-definition.js';
import { type ShardMetrics } from '../shard-runner.js';
import { ActiveFanOuts, type ActiveShards } from './active-shards.js';
import { Coalesced } from './coalesced.js';
import { type FanOutQueue, QueuedFanOut, type QueuedShard, unlessAborted } from './queued-fan-out.js';
import { brief, type FanOutState, type ShardLedger, type ShardResult } from './shard-ledger.js';

/** How often a replica asks whether the fan-outs of its active shards have been stopped. Milliseconds. */
const LOOK_EVERY = 1_000;
/** So many looks later a server that has not answered counts as away. Not by time: this process may have stood still. */
const UNANSWERED_LOOKS = 5;
/** Of a replica without active shards, only each n-th look asks. */
const IDLE_LOOKS = 5;
/**
 * How long the answer holds that a fan-out goes on, while it has active shards here. Milliseconds. One that starts meanwhile is
 * aborted by the next look.
 */
const CURRENT_FOR = 50;
/** A key that no fan-out has. */
const NO_FAN_OUT = 'none';
/** How long the end of a run waits for the server to hear of it. Milliseconds. */
const STOP_WITHIN = 3_000;
/** Runs whose record is kept, so that it is not read for each shard. */
const KNOWN_RUNS = 100;

/** A job as its queue hands it to a replica. */
export interface DeliveredShard extends QueuedShard {
  readonly jobId: string;
  /** From 1; an attempt that was cut off does not count. */
  readonly attempt: number;
  /** It may have been delivered before. */
  readonly redelivered: boolean;
}

/** What the queue has to do with a job: remove it, nothing more, hand it out again after a wait, or at once to another replica. */
export type Handled =
  | { readonly next: 'remove' }
  | { readonly next: 'nothing' }
  | { readonly next: 'retry'; readonly wait: number; readonly error: unknown }
  | { readonly next: 'return' };

const REMOVE: Handled = { next: 'remove' };
const RETURN: Handled = { next: 'return' };

/** Reason of a shard's signal when its fan-out was stopped, or its replica shuts down. */
export class ShardStoppedError extends Error {
  override readonly name = 'ShardStoppedError';
}

/**
 * An engine over a queue that others made: the queue hands out jobs, each at least once, and a ledger in the same server
 * keeps what has come of them.
 */
export abstract class QueuedFanOutEngine extends FanOutEngine {
  protected abstract readonly ledger: ShardLedger;
  private host!: FanOutHost;
  private readonly active = new ActiveFanOuts();
  private readonly runs = new Map<string, ShardRun>();
  /** Of runs of this replica. */
  private readonly fanOuts = new Map<string, QueuedFanOut>();
  /** Told to end by their run on this replica, while the server is yet to hear of it. */
  private readonly stopping = new Set<FanOut>();
  private readonly states = new Coalesced<string, ReadonlyMap<string, FanOutState>>((keys) =>
    this.ledger.statesOf([...new Set(keys)]),
  );
  private ticking?: Timer;
  private resting = false;
  /** Looks since the one that waits for its answer; 0: none does. */
  private unanswered = 0;
  private idleLooks = 0;

  async open(host: FanOutHost): Promise<void> {
    this.host = host;
    await this.openQueue();
    this.ticking = inRootContext(() => startTicking(() => void this.look(), LOOK_EVERY, true));
  }

  serve(shards: readonly ShardDefinition[]): void {
    this.resting = false;
    inRootContext(() => shards.forEach((shard) => this.take(shard)));
  }

  async rest(signal: AbortSignal): Promise<void> {
    this.resting = true;
    const rested = this.takeNoMore();
    const reason = new ShardStoppedError('The replica shuts down: another one runs this shard again');
    const abort = (): void => void this.active.end(reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    await Promise.all([rested, this.active.ended()]);
    signal.removeEventListener('abort', abort);
  }

  async run(fanOut: FanOut): Promise<FanOutOutcome> {
    const queue: FanOutQueue = {
      ledger: this.ledger,
      add: (one, shards) => this.add(one, shards),
      size: (one) => this.size(one),
      reached: (error) => this.host.reached(error),
    };
    const queued = new QueuedFanOut(fanOut, queue);
    this.fanOuts.set(fanOut.key, queued);
    try {
      return await queued.run();
    } catch (error) {
      await this.stop(fanOut);
      throw error;
    } finally {
      if (this.fanOuts.get(fanOut.key) === queued) this.fanOuts.delete(fanOut.key);
    }
  }

  async forget(keys: readonly string[]): Promise<void> {
    await this.ledger.forget(keys);
  }

  async close(): Promise<void> {
    this.ticking?.cancel();
    await this.closeQueue();
  }

  /** Tells the host whether a call that no run waits for has failed. */
  protected reached(error: unknown): void {
    this.host.reached(error);
  }

  protected abstract openQueue(): Promise<void>;
  protected abstract closeQueue(): Promise<void>;
  /** Begins to hand out jobs of that shard method; does nothing when it does so already. */
  protected abstract take(shard: ShardDefinition): void;
  /** Hands out no more jobs. */
  protected abstract takeNoMore(): Promise<void>;
  protected abstract add(fanOut: FanOut, shards: readonly QueuedShard[]): Promise<void>;
  protected abstract size(fanOut: FanOut): Promise<number>;

  /**
   * Runs a job. Rejects when the server does not answer: then the queue hands it out again.
   * @param performed called when the method has ended, and its result is yet to be written
   */
  protected async handle(
    shard: ShardDefinition,
    job: DeliveredShard,
    performed: () => void = () => {},
  ): Promise<Handled> {
    const { key, runId } = job;
    if (this.resting) return RETURN;
    if (this.isStopping(key, runId)) return REMOVE;
    const active = this.active.toJoin(key, runId);
    return this.active.hold(active, this.begin(active, shard, job, performed));
  }

  private isStopping(key: string, runId: string): boolean {
    for (const { key: stopped, run } of this.stopping)
      if (stopped === key && run.runId === runId) return true;
    return false;
  }

  private async begin(
    active: ActiveShards,
    shard: ShardDefinition,
    job: DeliveredShard,
    performed: () => void,
  ): Promise<Handled> {
    const { signal } = active.controller;
    let run: ShardRun | undefined;
    try {
      run = await unlessAborted(this.runToServe(active, job), signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    // Both may have changed while the server was asked.
    if (this.resting) return RETURN;
    if (!run || signal.aborted) return REMOVE;
    return this.perform(shard, job, run, signal, performed);
  }

  /** The run of a job that may start. Undefined: it is of an earlier attempt, which has jobs of its own, or done, or the fan-out was stopped. */
  private async runToServe(
    active: ActiveShards,
    { key, id, runId, redelivered }: DeliveredShard,
  ): Promise<ShardRun | undefined> {
    if (!(await this.goesOn(active))) return undefined;
    const run = await this.runOf(key, runId);
    return run && redelivered && (await this.ledger.isDone(key, id)) ? undefined : run;
  }

  private async goesOn(active: ActiveShards): Promise<boolean> {
    const now = performance.now();
    if (now - active.currentAt < CURRENT_FOR) return true;
    const state = (await this.states.of(active.key)).get(active.key);
    const goesOn = state !== undefined && !state.stopped && state.runId === active.runId;
    if (goesOn) active.currentAt = Math.max(active.currentAt, now);
    return goesOn;
  }

  private async perform(
    shard: ShardDefinition,
    job: DeliveredShard,
    run: ShardRun,
    signal: AbortSignal,
    performed: () => void,
  ): Promise<Handled> {
    const { key, id, index, item, attempt } = job;
    let metrics: ShardMetrics;
    try {
      metrics = await this.host.perform(shard, { run, index, item, attempt }, signal);
      performed();
    } catch (error) {
      // A run with a newer token has taken its place.
      if (error instanceof StaleRunError) return REMOVE;
      if (signal.aborted) return this.resting ? RETURN : REMOVE;
      if (attempt <= shard.retries) return { next: 'retry', wait: waitAfter(attempt, shard.backoff), error };
      const failure = { attempts: attempt, error: brief(describeError(error)) };
      await this.ledger.gaveUp(key, run.runId, id, failure);
      this.fanOuts.get(key)?.resulted();
      return REMOVE;
    }
    const handled = await this.keep(shard, job.jobId, { key, id, metrics });
    this.fanOuts.get(key)?.resulted();
    return handled;
  }

  /** Writes the result of a job, before the job is removed. */
  protected abstract keep(shard: ShardDefinition, jobId: string, result: ShardResult): Promise<Handled>;

  private async runOf(key: string, runId: string): Promise<ShardRun | undefined> {
    const known = this.runs.get(runId);
    if (known) return known;
    const run = await this.ledger.runOf(key);
    // The state may have changed in between.
    if (run) this.runs.set(run.runId, run);
    if (this.runs.size > KNOWN_RUNS) this.runs.delete(this.runs.keys().next().value!);
    return run;
  }

  /** Lets no further shard start anywhere, and waits for those that are active here. */
  private async stop(fanOut: FanOut): Promise<void> {
    const { key, run, signal } = fanOut;
    const reason = (signal.reason as Error | undefined) ?? new ShardStoppedError('The fan-out has failed');
    this.stopping.add(fanOut);
    const ended = this.active.end(reason, { key, runId: run.runId });
    const told = this.ledger
      .stop(key, run.runId)
      .catch((error: unknown) => this.reached(error))
      .finally(() => this.stopping.delete(fanOut));
    await Promise.all([atMost(STOP_WITHIN, told, new SystemClock()), ended]);
  }

  /** Looks whether the active shards may go on; without any, whether the server still answers. */
  private async look(): Promise<void> {
    // One that is frozen, or behind a network that drops packets, fails no call.
    if (this.unanswered > 0) {
      if (++this.unanswered > UNANSWERED_LOOKS)
        this.reached(new Error(`no answer for ${((this.unanswered - 1) * LOOK_EVERY) / 1_000} s`));
      return;
    }
    const keys = new Set([...this.active].map(({ key }) => key));
    if (keys.size === 0 && ++this.idleLooks % IDLE_LOOKS !== 0) return;
    this.unanswered = 1;
    try {
      const states = await this.ledger.statesOf(keys.size > 0 ? [...keys] : [NO_FAN_OUT]);
      for (const { key, runId, controller } of this.active) {
        if (!keys.has(key)) continue;
        const state = states.get(key);
        if (!state || state.stopped || state.runId !== runId)
          controller.abort(new ShardStoppedError('The run of this shard has ended'));
      }
      this.reached(undefined);
    } catch (error) {
      this.reached(error);
    } finally {
      this.unanswered = 0;
    }
  }
}
