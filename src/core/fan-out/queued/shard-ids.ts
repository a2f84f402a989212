import { hash } from 'node:crypto';
import { setImmediate } from 'node:timers';

/** Ids that are made before the event loop gets a turn. */
const IDS_PER_TURN = 500;

/**
 * An id for each item, the same in every attempt of the run, also when items before it have come or gone since: by the item
 * itself, and the how manieth it is of its kind. In the form of a UUID, which some queues ask for.
 */
export async function shardIds(key: string, items: readonly unknown[]): Promise<string[]> {
  const times = new Map<string, number>();
  const ids: string[] = [];
  for (const item of items) {
    const json = JSON.stringify(item);
    const time = (times.get(json) ?? 0) + 1;
    times.set(json, time);
    ids.push(hashed(`${key}\n${time}\n${json}`));
    // 100,000 at once would take longer than a lease of a run on a busy machine.
    if (ids.length % IDS_PER_TURN === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return ids;
}

/** 122 bits of a hash, as a UUID of version 8, which is for such. */
export function hashed(text: string): string {
  const hex = hash('sha256', text);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Fan-outs whose hash is kept: it is needed for each shard. */
const MOST_KEYS = 1_000;
const hashes = new Map<string, string>();

/** The hash of a fan-out's key. */
export function hashedKey(key: string): string {
  const known = hashes.get(key);
  if (known !== undefined) return known;
  if (hashes.size >= MOST_KEYS) hashes.clear();
  const hash = hashed(key);
  hashes.set(key, hash);
  return hash;
}
