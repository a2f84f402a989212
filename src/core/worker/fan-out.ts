import { type RunError } from '../text/describe-error.js';

/** Options of one `context.fanOut`. */
export interface FanOutOptions {
  /**
   * What happens when shards failed after their retries: `throw` a `FanOutError`, so that the run fails, or `collect`
   * them in the result. The other shards run in both cases. Default `throw`.
   */
  failures?: 'throw' | 'collect' | undefined;
  /** Ends this fan-out alone: no further shard starts, those that are active are aborted, and it throws the reason. */
  signal?: AbortSignal | undefined;
}

/** What came of a fan-out. */
export interface FanOutResult<Item = unknown> {
  readonly total: number;
  /** Shards that succeeded; also those that an earlier attempt of the run had done. */
  readonly done: number;
  /** Shards that failed in all of their attempts. */
  readonly failed: number;
  /** The first 10 of these. */
  readonly errors: readonly ShardFailure<Item>[];
  /** By name, the sum of what the shards that succeeded reported by `metric`; undefined when nothing. */
  readonly metrics?: Readonly<Record<string, number>> | undefined;
}

/** A shard that failed in all of its attempts. */
export interface ShardFailure<Item = unknown> {
  readonly item: Item;
  /** Index of the item among those that the run gave. */
  readonly index: number;
  readonly attempts: number;
  /** What the last attempt threw. */
  readonly error: RunError;
}

/** The shards of a run, over all of its fan-outs. */
export interface ShardCounts {
  total: number;
  /** Those that succeeded. */
  done: number;
  /** Those that failed in all of their attempts. */
  failed: number;
}
