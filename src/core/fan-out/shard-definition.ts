import { backoffTimes, type BackoffTimes, runTimeout } from '../registry/worker-rules.js';
import { isOptions, unknownOptions } from '../text/option-names.js';
import { Problems } from '../text/problems.js';
import { shown } from '../text/shown.js';
import { type ShardContext } from '../worker/run-context.js';
import { SHARD_OPTION_NAMES, type ShardOptions } from '../worker/shard.decorator.js';

/** Calls a shard method of a provider. */
export type ShardCall = (item: unknown, context: ShardContext) => unknown;

/** A checked shard method. Durations are in milliseconds. */
export interface ShardDefinition {
  readonly name: string;
  readonly concurrency: number;
  /** Undefined: no limit. */
  readonly timeout: number | undefined;
  readonly retries: number;
  readonly backoff: BackoffTimes;
  /** Where it is defined, for messages: `Tenants.sweep (in TenantsModule)`. */
  readonly source: string;
  readonly call: ShardCall;
}

const DEFAULT_CONCURRENCY = 10;
const DEFAULT_BACKOFF = '1s';
const LONGEST_NAME = 100;
/** Engines count attempts in 16 or 32 bits. */
const MOST_RETRIES = 1_000;

/**
 * Checks the options of a shard method.
 * @param defaultName `Class.method`
 * @throws Error that lists everything that is wrong, with value and fix
 */
export function defineShard(
  given: ShardOptions,
  defaultName: string,
  source: string,
  call: ShardCall,
): ShardDefinition {
  const problems = new Problems();
  problems.add(...unknownOptions(given, SHARD_OPTION_NAMES));
  const { name, concurrency, timeout, retries, backoff } = isOptions(given) ? given : ({} as ShardOptions);
  const definition: ShardDefinition = {
    name: problems.checked('name', '', () => shardName(name ?? defaultName)),
    concurrency: problems.checked('concurrency', 1, () =>
      whole(concurrency ?? DEFAULT_CONCURRENCY, 1, Number.MAX_SAFE_INTEGER),
    ),
    timeout: problems.checked('timeout', undefined, () => runTimeout(timeout)),
    retries: problems.checked('retries', 0, () => whole(retries ?? 0, 0, MOST_RETRIES)),
    backoff: problems.checked('backoff', undefined, () => backoffTimes(backoff ?? DEFAULT_BACKOFF))!,
    source,
    call,
  };
  if (problems.all.length > 0) throw new Error(problems.all.join('; '));
  return definition;
}

function shardName(name: string): string {
  if (typeof name !== 'string' || name.trim() === '' || name.length > LONGEST_NAME)
    throw new Error(`${shown(name)} is not a name: give 1 to ${LONGEST_NAME} characters`);
  if (name.includes('\0') || !name.isWellFormed())
    throw new Error(`${JSON.stringify(name)} holds a NUL or half of an emoji, which no engine stores`);
  return name;
}

function whole(value: number, least: number, most: number): number {
  if (!(Number.isSafeInteger(value) && value >= least && value <= most))
    throw new Error(
      `${shown(value)} is no whole number from ${least} on${most < Number.MAX_SAFE_INTEGER ? ` up to ${most}` : ''}`,
    );
  return value;
}
