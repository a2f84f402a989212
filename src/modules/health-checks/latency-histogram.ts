/** Each bucket is that much wider than the one before: what is read from one is off by 5% at most. */
const GROWTH = 1.1;
/** All shorter ones are in bucket 0. Milliseconds. */
const SHORTEST = 0.1;

/** How many durations fell into each bucket, by its number. Two are merged by adding up: so are minutes to hours. */
export type LatencyHistogram = Map<number, number>;

export function bucketOf(milliseconds: number): number {
  return Math.max(0, Math.floor(Math.log(Math.max(milliseconds, SHORTEST) / SHORTEST) / Math.log(GROWTH)));
}

/** The same in SQL. @param milliseconds SQL of a number */
export function bucketSql(milliseconds: string): string {
  return `greatest(0, floor(ln(greatest((${milliseconds})::float8, ${SHORTEST}) / ${SHORTEST}) / ln(${GROWTH}::float8)))::smallint`;
}

export function addToHistogram(into: LatencyHistogram, bucket: number, count: number): void {
  into.set(bucket, (into.get(bucket) ?? 0) + count);
}

/** Milliseconds that so large a part of all did not exceed, within 5%; undefined of nothing. @param part 0 to 1 */
export function quantileOf(histogram: LatencyHistogram, part: number): number | undefined {
  const total = [...histogram.values()].reduce((sum, count) => sum + count, 0);
  let left = Math.max(1, Math.ceil(total * part));
  for (const [bucket, count] of [...histogram].sort(([a], [b]) => a - b)) {
    left -= count;
    if (left <= 0) return SHORTEST * GROWTH ** (bucket + 0.5);
  }
  return undefined;
}
