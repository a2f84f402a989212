/**
 * Does something with each, `together` of them in one turn of the event loop: what is due meanwhile, such as the ticks of
 * workers, waits for one turn and not for all.
 * @param goesOn asked before each turn
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
