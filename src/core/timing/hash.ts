/** A stable number from 0 (included) to 1 (excluded) for a text: the same on every replica, at every start. */
export function fractionOf(text: string): number {
  return hash(text) / 2 ** 32;
}

/**
 * FNV-1a over the UTF-16 units, then murmur3's finalizer: texts that differ only in the last letter get very different
 * numbers.
 */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
