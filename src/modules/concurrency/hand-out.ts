import { type FanOutOptions, type ShardFailure } from '../../core/worker/fan-out.js';
import { type RunContext, type ShardContext, type ShardMethod } from '../../core/worker/run-context.js';

/** What a batch came to, by name. */
export type Counts = Readonly<Record<string, number>>;

/** What came of batches that were handed out. */
export interface HandedOut<Batch = unknown> {
  /** The sum of what the batches came to. */
  readonly counts: Counts;
  /** Number of batches that failed: what they threw, or their replica ended again and again. */
  readonly failed: number;
  /** The first ten of these. */
  readonly failures: readonly ShardFailure<Batch>[];
}

/** Characters of a batch's JSON. A shard takes 64 KiB. */
const LONGEST_BATCH = 32_768;

/** Cuts items into batches of at most that many, and of no more than a shard takes. */
export function inBatches<Item>(items: readonly Item[], most: number): Item[][] {
  const batches: Item[][] = [];
  let length = Infinity;
  for (const item of items) {
    const own = JSON.stringify(item).length;
    if (length + own > LONGEST_BATCH || batches.at(-1)!.length === most) {
      batches.push([]);
      length = 0;
    }
    batches.at(-1)!.push(item);
    length += own;
  }
  return batches;
}

/**
 * Hands batches out as shards of the run, and resolves when all have ended. One that fails keeps no other from its turn.
 *
 * @param shard a method with `@Shard`, which tells by `report` what its batch came to
 */
export async function handOut<Batch>(
  run: RunContext,
  shard: ShardMethod<Batch>,
  batches: readonly Batch[],
  options: Pick<FanOutOptions, 'signal'> = {},
): Promise<HandedOut<Batch>> {
  const { errors, failed, metrics } = await run.fanOut(shard, batches, { ...options, failures: 'collect' });
  return { counts: metrics ?? {}, failed, failures: errors };
}

/** Tells what a batch came to. Zeros are left out: a run keeps 50 names. */
export function report(context: ShardContext, counts: Counts): void {
  for (const [name, count] of Object.entries(counts)) if (count) context.metric(name, count);
}
