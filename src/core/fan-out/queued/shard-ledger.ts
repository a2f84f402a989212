import { type RunError } from '../../text/describe-error.js';
import { type ShardRun } from '../fan-out.engine.js';
import { type ShardMetrics } from '../shard-runner.js';

/** What the ledger knows of a fan-out. */
export interface FanOutState {
  /** Id of the run that it belongs to now. */
  readonly runId: string;
  /** No shard of it may start. */
  readonly stopped: boolean;
}

/** Numbers of shards with an entry. A shard has one entry, however often it was run. */
export interface LedgerCounts {
  readonly done: number;
  readonly failed: number;
  /** Undefined when nothing is known of the fan-out: the server has lost its data. */
  readonly state: FanOutState | undefined;
}

/** A shard that failed in all of its attempts. */
export interface FailedShard {
  readonly attempts: number;
  readonly error: RunError;
}

/** Every entry of a fan-out, by the id of the shard. */
export interface LedgerEntries {
  readonly done: ReadonlyMap<string, ShardMetrics>;
  readonly failed: ReadonlySet<string>;
}

/** The result of a shard. */
export interface ShardResult {
  readonly key: string;
  readonly id: string;
  readonly metrics: ShardMetrics;
}

/**
 * What has come of shards, in the server of a queue. It is the truth of a fan-out: a result is written before its job is
 * removed, so a job that is lost or repeated changes no count.
 */
export abstract class ShardLedger {
  /**
   * Makes the fan-out that of this run, an attempt at the same slot: what is done stays, failures are forgotten.
   * @returns false when a run with a newer token has it
   */
  abstract adopt(key: string, run: ShardRun): Promise<boolean>;
  /** The run that a fan-out belongs to; undefined when nothing is known of it. */
  abstract runOf(key: string): Promise<ShardRun | undefined>;
  abstract statesOf(keys: readonly string[]): Promise<ReadonlyMap<string, FanOutState>>;
  abstract counts(key: string): Promise<LedgerCounts>;
  abstract entries(key: string): Promise<LedgerEntries>;
  abstract isDone(key: string, id: string): Promise<boolean>;
  /** What is known of failed shards. */
  abstract failures(key: string, ids: readonly string[]): Promise<ReadonlyMap<string, FailedShard>>;
  /** Writes results, each instead of an earlier one of its shard. */
  abstract succeeded(results: readonly ShardResult[]): Promise<void>;
  /** Writes a failure, unless the shard has succeeded, or the fan-out belongs to another run. */
  abstract gaveUp(key: string, runId: string, id: string, failure: FailedShard): Promise<void>;
  /** Lets no further shard start, unless the fan-out belongs to another run. */
  abstract stop(key: string, runId: string): Promise<void>;
  abstract forget(keys: readonly string[]): Promise<void>;
}

/** What a ledger keeps of an error: there may be as many as shards. */
export function brief({ name, message }: RunError): RunError {
  return {
    ...(name !== undefined && { name: name.slice(0, 100) }),
    message: message.slice(0, 500).toWellFormed(),
  };
}
