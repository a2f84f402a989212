import { hashed } from './shard-ids.js';

/**
 * The name of the queue of a shard method. Queues take few other characters than letters: those are replaced, and a hash
 * keeps such names apart.
 */
export function queueName(shard: string): string {
  const plain = shard.replaceAll(/[^\w.-]/g, '_');
  return plain === shard ? shard : `${plain}-${hashed(shard).slice(0, 8)}`;
}
