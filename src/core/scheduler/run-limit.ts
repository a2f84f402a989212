/** Somebody who waits for a place. */
export interface Waiter {
  /** A place may be free: takes it, if it still has a use for it. */
  pump(): void;
}

/** How many runs may be on in this process at a time, over all workers. Places go first come, first served. */
export class RunLimit {
  private taken = 0;
  private readonly waiters = new Set<Waiter>();

  /** @param places whole, at least 1 */
  constructor(private readonly places = Infinity) {
    if (places !== Infinity && !(Number.isInteger(places) && places >= 1))
      throw new RangeError(
        `maxConcurrentRuns: ${places} is no number of runs: give 1 or more, or leave it out for no limit`,
      );
  }

  /** @returns whether there was one; if not, the waiter's `pump` is called when there may be. */
  take(waiter: Waiter): boolean {
    if (this.taken < this.places) {
      this.taken++;
      return true;
    }
    this.waiters.add(waiter);
    return false;
  }

  give(): void {
    this.taken--;
    for (const next of this.waiters) {
      this.waiters.delete(next);
      return next.pump();
    }
  }

  /** It has no use for a place any more. */
  leave(waiter: Waiter): void {
    this.waiters.delete(waiter);
  }
}
