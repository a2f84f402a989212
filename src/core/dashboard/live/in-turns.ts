/** Milliseconds: by so much a worker that is due may start late. */
const TURN = 0.5;

/**
 * Calls a function for each item, in turns of the event loop of half a millisecond: other work, such as workers that are due, waits
 * for one turn and not for all. A count of items did not bound it: what one takes differs a hundredfold.
 * @param goesOn called before each turn but the first: false ends it
 */
export async function inTurns<T>(
  all: Iterable<T>,
  each: (one: T) => void,
  goesOn: () => boolean = () => true,
): Promise<void> {
  let end = performance.now() + TURN;
  for (const one of all) {
    if (performance.now() >= end) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!goesOn()) return;
      end = performance.now() + TURN;
    }
    each(one);
  }
}
