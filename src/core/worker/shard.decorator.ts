import { type OptionNames } from '../text/option-names.js';
import { type Duration } from '../timing/duration.js';
import { markMethod, requireParentheses } from './mark-method.js';
import { type ShardMethod } from './run-context.js';
import { type Backoff } from './worker-options.js';

/** Options of `@Shard`. All may be left out. */
export interface ShardOptions {
  /** Identifies it among all replicas, of all releases. At most 100 characters. Default: `Class.method`. */
  name?: string | undefined;
  /** Most shards that are active at a time, of one fan-out; with an engine, on each replica. Default 10. */
  concurrency?: number | undefined;
  /**
   * Time for one attempt. When it has passed, the signal aborts, and the attempt has failed when the method has ended.
   * Default: no limit but that of the run.
   */
  timeout?: Duration | undefined;
  /** Further attempts after a failure. Default 0. */
  retries?: number | undefined;
  /** Wait after a failure: `{ initial, max, factor }`, or only `initial`. Default 1 s, doubling, at most 1 h. */
  backoff?: Duration | Backoff | undefined;
}

export const SHARD_OPTION_NAMES: OptionNames<ShardOptions> = {
  name: true,
  concurrency: true,
  timeout: true,
  retries: true,
  backoff: true,
};

/** Options, or a function that gives them from the provider when the application starts: so they can be its configuration. */
export type GivenShardOptions<T> = ShardOptions | ((provider: T) => ShardOptions);

/** Registered symbol: two copies of this package in one process still find each other's shards. */
export const SHARD_METADATA = Symbol.for('ctrlplane-workers/shard');

export type ShardMethodDecorator = <M extends ShardMethod>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/**
 * Makes a provider's method one that `context.fanOut` calls for each of many items. It gets the item and a
 * `ShardContext`. With invalid options the application's start fails with `InvalidShardsError`.
 *
 * @example
 * ```ts
 * \@Interval('sweep', '5m')
 * async sweep({ fanOut }: RunContext) {
 *   await fanOut(this.sweepTenant, await this.tenants.ids());
 * }
 *
 * \@Shard({ concurrency: 20, timeout: '30s', retries: 2 })
 * async sweepTenant(tenant: string, { signal }: ShardContext) { … }
 * ```
 */
export function Shard<T = never>(options?: GivenShardOptions<T>): ShardMethodDecorator;
export function Shard(...args: [options?: GivenShardOptions<never>]): ShardMethodDecorator {
  requireParentheses('@Shard()', args);
  const [options = {}] = args;
  return (...decorated) => markMethod(SHARD_METADATA, options, '@Shard', decorated);
}
