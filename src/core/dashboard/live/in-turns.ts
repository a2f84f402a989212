/** Milliseconds of work in one turn of the event loop: workers that are due meanwhile are late by little more than that. */
const TURN = 0.25;

/**
 * Calls a function for each item, for as many in one turn of the event loop as fit into a quarter of a millisecond: other work, such as
 * workers that are due, waits for one turn and not for all. A count of items did not bound it: what one takes differs a hundredfold.
 * @param goesOn called before each turn: false ends it
 * @returns milliseconds that the turns took together, with what the calls left for the end of their turn: half the time of a write to a
 *   socket is there
 */
export async function inTurns<T>(
  all: readonly T[],
  each: (one: T) => void,
  goesOn: () => boolean = () => true,
): Promise<number> {
  let spent = 0;
  for (let next = 0; next < all.length && goesOn();) {
    if (next > 0) await new Promise((resolve) => setImmediate(resolve));
    const began = performance.now();
    while (next < all.length && performance.now() - began < TURN) each(all[next++]!);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    spent += performance.now() - began;
  }
  return spent;
}
