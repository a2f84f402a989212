/** Waits for a place. */
export interface Waiter {
  /** A place may be free: takes it, if it still has a use for it. */
  pump(): void;
}

/** A run may take the place of the one that triggered it and waits for its end. */
interface Loan {
  readonly parent: string;
  readonly waiter: Waiter;
}

/**
 * How many runs may be active in this process at a time, over all workers. Places go first come, first served.
 *
 * A run that waits for the end of one that it has triggered lends that one its place: otherwise they would wait for each
 * other, and nothing would ever run again. One at a time may use a place that is lent.
 */
export class RunLimit {
  private taken = 0;
  private readonly waiters = new Set<Waiter>();
  /** By the run that may use it. */
  private readonly loans = new Map<string, Loan>();
  /** Runs that use the place of their parent, by parent. */
  private readonly guests = new Map<string, string>();

  /** @param places whole, at least 1 */
  constructor(private readonly places = Infinity) {
    if (places !== Infinity && !(Number.isInteger(places) && places >= 1))
      throw new RangeError(
        `maxConcurrentRuns: ${places} is no number of runs: give 1 or more, or leave it out for no limit`,
      );
  }

  /**
   * @param run id of the run that the place is for, where it has one already
   * @returns whether there was one; if not, the waiter's `pump` is called when there may be.
   */
  take(waiter: Waiter, run?: string): boolean {
    if (this.taken < this.places) {
      this.taken++;
      return true;
    }
    if (this.usesLoan(run)) return true;
    this.waiters.add(waiter);
    return false;
  }

  /** @param run the one that had the place */
  give(run: string | undefined): void {
    if (run !== undefined && (this.returnsLoan(run) || this.leavesToGuest(run))) return;
    this.taken--;
    for (const next of this.waiters) {
      if (this.taken >= this.places) return;
      this.waiters.delete(next);
      // It may have no use for it any more.
      next.pump();
    }
  }

  /** It has no use for a place any more. */
  leave(waiter: Waiter): void {
    this.waiters.delete(waiter);
  }

  /** @param parent a run that has a place, and waits for the end of `run` */
  lend(parent: string, run: string, waiter: Waiter): void {
    if (this.places === Infinity) return;
    this.loans.set(run, { parent, waiter });
    waiter.pump();
  }

  /** Whether any place is lent: then a run may start before others that have waited longer. */
  get lends(): boolean {
    return this.loans.size > 0;
  }

  /** The wait is over. */
  endLoan(run: string): void {
    this.loans.delete(run);
  }

  private usesLoan(run: string | undefined): boolean {
    const loan = run === undefined ? undefined : this.loans.get(run);
    if (!loan || this.guests.has(loan.parent)) return false;
    this.guests.set(loan.parent, run!);
    return true;
  }

  /** The place of a guest that has ended is its parent's again, which may wait for others. */
  private returnsLoan(run: string): boolean {
    for (const [parent, guest] of this.guests)
      if (guest === run) {
        this.guests.delete(parent);
        for (const loan of [...this.loans.values()]) if (loan.parent === parent) loan.waiter.pump();
        return true;
      }
    return false;
  }

  /** It has not waited for its guest after all: that one keeps the place. */
  private leavesToGuest(run: string): boolean {
    return this.guests.delete(run);
  }
}
