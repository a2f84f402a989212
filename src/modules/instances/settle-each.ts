import pLimit from 'p-limit';

/** Providers start and stop things in parallel, but a hundred at a time would starve everything else. */
const CONCURRENCY = 8;

/**
 * Does it for each item, eight at a time; one that fails keeps no other from its turn.
 * @returns what went wrong, in the order of the items.
 * @throws the signal's reason once it has aborted and everything under way has ended.
 */
export async function settleEach<T>(
  items: readonly T[],
  fn: (item: T) => Promise<unknown>,
  signal?: AbortSignal,
): Promise<unknown[]> {
  const limit = pLimit(CONCURRENCY);
  const outcomes = await Promise.allSettled(
    items.map((item) =>
      limit(() => {
        signal?.throwIfAborted();
        return fn(item);
      }),
    ),
  );
  signal?.throwIfAborted();
  return outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason as unknown);
}
