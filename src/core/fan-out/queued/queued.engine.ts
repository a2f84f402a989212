import { setMaxListeners } from 'node:events';
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
import { Coalesced } from './coalesced.js';
import { type FanOutQueue, QueuedFanOut, type QueuedShard } from './queued-fan-out.js';
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

/** The active shards of a fan-out on this replica. They are told to end together, by one signal: one for each would cost a twentieth of a job. */
class ActiveShards {
  readonly controller = new AbortController();
  readonly ends = new Set<Promise<unknown>>();
  /** When the server was last asked and said that the fan-out goes on, by the monotonic clock. */
  currentAt = -Infinity;

  constructor(
    readonly key: string,
    readonly runId: string,
  ) {
    // Each shard may listen, and Node warns of more than ten.
    setMaxListeners(0, this.controller.signal);
  }
}

/**
 * An engine over a queue that others made: the queue hands out jobs, each at least once, and a ledger in the same server
 * keeps what has come of them.
 */
export abstract class QueuedFanOutEngine extends FanOutEngine {
  protected abstract readonly ledger: ShardLedger;
  private host!: FanOutHost;
  private readonly active = new Set<ActiveShards>();
  private readonly runs = new Map<string, ShardRun>();
  /** Of runs of this replica. */
  private readonly fanOuts = new Map<string, QueuedFanOut>();
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
    const abort = (): void => {
      for (const { controller } of this.active)
        controller.abort(new ShardStoppedError('The replica shuts down: another one runs this shard again'));
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    await Promise.all([rested, ...endsOf(this.active)]);
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
    if (this.resting) return RETURN;
    const { key, id, runId } = job;
    const currentAt = await this.currentAt(key, runId);
    // Of an earlier attempt of the run: this one has jobs of its own.
    if (currentAt === undefined) return REMOVE;
    const run = await this.runOf(key, runId);
    if (!run) return REMOVE;
    if (job.redelivered && (await this.ledger.isDone(key, id))) return REMOVE;
    const active = this.activeOf(key, runId) ?? new ActiveShards(key, runId);
    active.currentAt = Math.max(active.currentAt, currentAt);
    const handled = this.perform(shard, job, run, active.controller.signal, performed);
    const ended = handled.catch(() => {});
    this.active.add(active);
    active.ends.add(ended);
    try {
      return await handled;
    } finally {
      active.ends.delete(ended);
      if (active.ends.size === 0) this.active.delete(active);
    }
  }

  /** When the server was asked and said that this is the fan-out's run, and that it goes on. Undefined: it says otherwise. */
  private async currentAt(key: string, runId: string): Promise<number | undefined> {
    const known = this.activeOf(key, runId)?.currentAt;
    const now = performance.now();
    if (known !== undefined && now - known < CURRENT_FOR) return known;
    const state = (await this.states.of(key)).get(key);
    return state && !state.stopped && state.runId === runId ? now : undefined;
  }

  /** Without those that were told to end: what starts later has a signal of its own. */
  private activeOf(key: string, runId: string): ActiveShards | undefined {
    for (const active of this.active)
      if (active.key === key && active.runId === runId && !active.controller.signal.aborted) return active;
    return undefined;
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
  private async stop({ key, run, signal }: FanOut): Promise<void> {
    const reason = (signal.reason as Error | undefined) ?? new ShardStoppedError('The fan-out has failed');
    const own = [...this.active].filter((active) => active.key === key && active.runId === run.runId);
    for (const { controller } of own) controller.abort(reason);
    const told = this.ledger.stop(key, run.runId).catch((error: unknown) => this.reached(error));
    await Promise.all([atMost(STOP_WITHIN, told, new SystemClock()), ...endsOf(own)]);
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

function endsOf(active: Iterable<ActiveShards>): Promise<unknown>[] {
  return [...active].flatMap(({ ends }) => [...ends]);
}
