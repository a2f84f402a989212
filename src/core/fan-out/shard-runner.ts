import { type Clock } from '../timing/clock.js';
import { type RunContext, runContextStorage } from '../worker/run-context.js';
import { ActiveShard } from './active-shard.js';
import { ShardTimeoutError } from './fan-out.errors.js';
import { type ShardDefinition } from './shard-definition.js';

/** One attempt of a shard. */
export interface ShardAttempt {
  readonly shard: ShardDefinition;
  /** The run's context, or on another replica what is known of it. */
  readonly run: RunContext;
  readonly item: unknown;
  readonly index: number;
  /** From 1. */
  readonly attempt: number;
  /** Aborts when the shard has to end. */
  readonly signal: AbortSignal;
  /** Shows a message with the run's progress. */
  say(message: unknown): void;
  /** Calls `work` inside what wraps runs. Default: nothing, as the run itself is inside of it. */
  around?(context: RunContext, work: () => unknown): unknown;
}

/** What a shard reported by `metric`; undefined when nothing. */
export type ShardMetrics = Readonly<Record<string, number>> | undefined;

/**
 * Runs one attempt. It rejects with what the method threw, or with a `ShardTimeoutError` once a method whose timeout has
 * passed has ended, whatever it returned.
 */
export async function runShard(given: ShardAttempt, clock: Clock): Promise<ShardMetrics> {
  const { shard, run, item, index, attempt, say } = given;
  if (shard.timeout !== undefined) return runWithTimeout(given, shard.timeout, clock);
  const context = new ActiveShard(run, shard.name, index, attempt, given.signal, say);
  const { around } = given;
  if (around) {
    await runContextStorage.run(context, () => around(context, () => shard.call(item, context)));
  } else await runContextStorage.run(context, shard.call, item, context);
  return context.metrics;
}

async function runWithTimeout(given: ShardAttempt, timeout: number, clock: Clock): Promise<ShardMetrics> {
  const controller = new AbortController();
  const { shard, signal } = given;
  const abort = (): void => controller.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  const late = new ShardTimeoutError(shard.name, timeout);
  const timer = clock.setTimer(() => controller.abort(late), timeout);
  const rest: ShardDefinition = { ...shard, timeout: undefined };
  try {
    const metrics = await runShard({ ...given, shard: rest, signal: controller.signal }, clock);
    if (controller.signal.reason === late) throw late;
    return metrics;
  } catch (error) {
    throw controller.signal.reason === late ? withCause(late, error) : error;
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', abort);
  }
}

/** What the method threw is told only when it is not the timeout again, as an aborted call throws it. */
function withCause(late: ShardTimeoutError, error: unknown): ShardTimeoutError {
  if (error !== late) late.cause = error;
  return late;
}
