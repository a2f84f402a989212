/** Milliseconds of work in one turn of the event loop: workers that are due meanwhile are late by no more than that. */
const TURN = 0.5;

/**
 * Calls a function for each item, for as many in one turn of the event loop as fit into half a millisecond: other work, such as
 * workers that are due, waits for one turn and not for all. A count of items did not bound it: what one takes differs a hundredfold.
 * @param goesOn called before each turn: false ends it
 * @returns milliseconds that the turns took together
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
    let took = 0;
    while (next < all.length && took < TURN) {
      each(all[next++]!);
      took = performance.now() - began;
    }
    spent += took;
  }
  return spent;
}
