import { type FanOutResult, type ShardFailure } from '../worker/fan-out.js';
import { summaryOf } from '../text/describe-error.js';
import { shown } from '../text/shown.js';
import { storableText } from '../text/storable-text.js';

/** Characters of an item in messages. */
const LONGEST_ITEM = 100;

/** Invalid definitions of shard methods; the message lists all of them. */
export class InvalidShardsError extends Error {
  override readonly name = 'InvalidShardsError';

  /** @param problems one sentence each: where, what, and the fix */
  constructor(readonly problems: readonly string[]) {
    super(
      `${problems.length === 1 ? 'A shard method is' : `${problems.length} shard methods are`} badly defined:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
  }
}

/** What was given to `context.fanOut` is no method with `@Shard`, or one of several. */
export class UnknownShardError extends Error {
  override readonly name = 'UnknownShardError';
}

/** An item that cannot be given to a shard on another replica as it is. */
export class InvalidShardItemError extends Error {
  override readonly name = 'InvalidShardItemError';

  constructor(
    /** Name of the shard method. */
    readonly shard: string,
    /** Index of the item. */
    readonly index: number,
    /** What is wrong, and the fix. */
    readonly reason: string,
  ) {
    super(`Item ${index} cannot be given to "${shard}": ${reason}`);
  }
}

/** Reason of a shard's signal when its timeout has passed, and then its error. */
export class ShardTimeoutError extends Error {
  override readonly name = 'ShardTimeoutError';

  constructor(
    readonly shard: string,
    readonly timeout: number,
  ) {
    super(`An attempt of "${shard}" took longer than its timeout of ${timeout} ms`);
  }
}

/** A fan-out cannot be made here. */
export class FanOutRefusedError extends Error {
  override readonly name = 'FanOutRefusedError';
}

/** Shards failed in all of their attempts. The other shards were run. */
export class FanOutError extends Error {
  override readonly name = 'FanOutError';

  constructor(
    /** Name of the shard method. */
    readonly shard: string,
    readonly result: FanOutResult,
  ) {
    const { failed, total, errors } = result;
    const [first] = errors;
    super(
      `${failed} of ${total} shards of "${shard}" failed${first ? `; the first: ${describeFailure(first)}` : ''}`,
    );
  }
}

function describeFailure({ index, item, attempts, error }: ShardFailure): string {
  const tries = attempts === 1 ? '' : ` after ${attempts} attempts`;
  const what = error.name === undefined ? '' : `${error.name}: `;
  return `item ${index} (${storableText(shown(item), LONGEST_ITEM)})${tries}: ${what}${summaryOf(error)}`;
}
