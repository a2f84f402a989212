import { isDeepStrictEqual } from 'node:util';
import { InvalidPayloadError, jsonPayload } from '../worker/payload.js';
import { messageOf } from '../text/describe-error.js';
import { InvalidShardItemError } from './fan-out.errors.js';

/** Characters of an item's JSON. Engines keep all items in memory or in a table. */
const LONGEST_JSON = 65_536;

/**
 * The items as their shards get them on every replica: what JSON makes of them, which must be the same.
 * @throws InvalidShardItemError for the first that differs; TypeError for what is no array
 */
export function checkedItems(shard: string, items: readonly unknown[]): unknown[] {
  if (!Array.isArray(items))
    throw new TypeError(
      `context.fanOut of "${shard}" was given ${items === null ? 'null' : `a value of type ${typeof items}`} instead of an array of items: give an array ([...items])`,
    );
  // Not `map`, which skips what an array leaves out.
  return Array.from(items, (item: unknown, index) =>
    isPlain(item) ? item : checkedItem(shard, item, index),
  );
}

/** Most items are ids. Minus zero and what is not finite have no JSON. */
function isPlain(item: unknown): boolean {
  if (typeof item === 'string')
    return item.length < LONGEST_JSON / 6 && item.isWellFormed() && !item.includes('\0');
  return typeof item === 'number' && Number.isFinite(item) && !Object.is(item, -0);
}

function checkedItem(shard: string, item: unknown, index: number): unknown {
  const json = jsonOf(shard, item, index);
  if (!isDeepStrictEqual(json, item))
    throw new InvalidShardItemError(
      shard,
      index,
      'JSON changes it (a date becomes a string, undefined vanishes, a class becomes a plain object): give plain values',
    );
  if (JSON.stringify(json).length > LONGEST_JSON)
    throw new InvalidShardItemError(
      shard,
      index,
      `its JSON is longer than ${LONGEST_JSON} characters: give an id, and read the rest in the shard`,
    );
  return json;
}

function jsonOf(shard: string, item: unknown, index: number): unknown {
  try {
    const json = jsonPayload(shard, item);
    if (json === undefined) throw new InvalidPayloadError(shard, 'undefined is no JSON: give plain values');
    return json;
  } catch (error) {
    throw new InvalidShardItemError(
      shard,
      index,
      error instanceof InvalidPayloadError ? error.reason : messageOf(error),
    );
  }
}
