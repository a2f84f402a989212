/**
 * Calls a function for each item, for `together` of them in one turn of the event loop: other work, such as workers that
 * are due, waits for one turn and not for all.
 * @param goesOn called before each turn: false ends it
 */
export async function inTurns<T>(
  all: readonly T[],
  together: number,
  each: (one: T) => void,
  goesOn: () => boolean = () => true,
): Promise<void> {
  for (let from = 0; from < all.length && goesOn(); from += together) {
    if (from > 0) await new Promise((resolve) => setImmediate(resolve));
    all.slice(from, from + together).forEach(each);
  }
}
