import { type ConveyedRun } from '../worker/conveyed-run.js';
import { type ShardFailure } from '../worker/fan-out.js';
import { type ShardDefinition } from './shard-definition.js';
import { type ShardMetrics } from './shard-runner.js';

/** The run that fans out, as its shards on other replicas know it. JSON gives it back as it is. */
export interface ShardRun extends ConveyedRun {
  /** Whether a newer token means that this run has been superseded: not so under overlap policy `allow`. */
  readonly fenced: boolean;
}

/** One call of `context.fanOut`, checked. */
export interface FanOut {
  /**
   * The same for all attempts of a run at its slot or request, and for no other: under it an engine finds what an
   * earlier attempt has done. At most 500 characters.
   */
  readonly key: string;
  readonly run: ShardRun;
  readonly shard: ShardDefinition;
  /** JSON gives each back as it is. */
  readonly items: readonly unknown[];
  /** Aborts when no further shard may start. */
  readonly signal: AbortSignal;
  /** Whether this replica may still rely on its right to run; when not, `signal` aborts soon. */
  mayStart(): boolean;
  /** Runs an attempt in this process, for an engine that keeps the shards there. */
  perform(index: number, attempt: number): Promise<ShardMetrics>;
  /** Tells how many shards have succeeded and failed so far. */
  counted(done: number, failed: number): void;
}

/** How a fan-out ended. */
export interface FanOutOutcome {
  readonly done: number;
  readonly failed: number;
  /** The first 10 that failed, by index. */
  readonly errors: readonly ShardFailure[];
  /** By name, the sum of what the shards reported that have succeeded. */
  readonly metrics: ShardMetrics;
}

/** A shard that an engine has brought to a replica. */
export interface ShardJob {
  readonly run: ShardRun;
  readonly item: unknown;
  readonly index: number;
  readonly attempt: number;
}

/** What an engine calls of the replica that it serves. */
export interface FanOutHost {
  /**
   * Runs an attempt of a shard. Rejects with what it threw.
   * @throws StaleRunError when its run has been superseded: then it has not run, and never may
   */
  perform(shard: ShardDefinition, job: ShardJob, signal: AbortSignal): Promise<ShardMetrics>;
  /**
   * Tells whether a call of the engine's server succeeded (`undefined`) or failed. A lasting failure is degraded health.
   */
  reached(error: unknown): void;
}

/** Failures that a result names. */
export const MOST_FAILURES = 10;

/**
 * Where the shards of runs are run: in the process of the run, or as jobs of a queue, by all replicas. Every
 * implementation passes `fanOutEngineContract`.
 *
 * A shard is run at least once: it counts when it has succeeded, or has failed in all of its attempts, and however often it
 * was run it counts once.
 */
export abstract class FanOutEngine {
  /** How the log names it: "BullMQ, Redis 127.0.0.1:6379". Must contain no secrets. */
  abstract readonly description: string;

  /** Called before any other method. When it rejects, the application's start fails. */
  abstract open(host: FanOutHost): Promise<void>;

  /** From now on, takes shards of all replicas. Called again when there are more shard methods, by a lazy module. */
  abstract serve(shards: readonly ShardDefinition[]): void;

  /**
   * Takes no more shards; resolves when the active ones have ended.
   * @param signal when it aborts, those that have not ended are aborted, and go to other replicas
   */
  abstract rest(signal: AbortSignal): Promise<void>;

  /**
   * Runs the shards that no earlier attempt of the run has done, and resolves when all have ended.
   * @throws the reason of the signal, when that aborts: then no further shard starts, and those that are active in this
   * process have ended
   */
  abstract run(fanOut: FanOut): Promise<FanOutOutcome>;

  /** Deletes what is kept under these keys: their run has succeeded, and there is no further attempt. */
  abstract forget(keys: readonly string[]): Promise<void>;

  /** Releases what `open` has opened. */
  abstract close(): Promise<void>;
}
