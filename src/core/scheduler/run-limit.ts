/** Waits for a place in the limit. */
export interface Waiter {
  /** Called when a place may be free: takes it if it is still needed. */
  pump(): void;
}

/** A run may use the place of the run that triggered it and waits for its end. */
interface Loan {
  readonly parent: string;
  readonly waiter: Waiter;
}

/**
 * Limits the active runs of all workers in this process. Places are given first come, first served.
 *
 * A run that waits for the end of a run that it has triggered lends it its place: otherwise they would wait for each
 * other, and nothing would ever run again. One run at a time uses a lent place.
 */
export class RunLimit {
  private taken = 0;
  private readonly waiters = new Set<Waiter>();
  /** By the run that may use it. */
  private readonly loans = new Map<string, Loan>();
  /** Runs that use the place of their parent, by parent. */
  private readonly guests = new Map<string, string>();

  /** @param places whole number from 1, or Infinity for no limit */
  constructor(private readonly places = Infinity) {
    if (places !== Infinity && !(Number.isInteger(places) && places >= 1))
      throw new RangeError(
        `maxConcurrentRuns: ${places} is no number of runs: give 1 or more, or leave it out for no limit`,
      );
  }

  /**
   * @param run id of the run that the place is for, if it has one already
   * @returns whether a place was free; if not, the waiter's `pump` is called when one may be
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

  /** @param run id of the run that had the place */
  give(run: string | undefined): void {
    if (run !== undefined && (this.returnsLoan(run) || this.leavesToGuest(run))) return;
    this.taken--;
    for (const next of this.waiters) {
      if (this.taken >= this.places) return;
      this.waiters.delete(next);
      // The waiter may not need the place any more.
      next.pump();
    }
  }

  /** Call it when the waiter does not need a place any more. */
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

  /** Call it when the wait for `run` is over. */
  endLoan(run: string): void {
    this.loans.delete(run);
  }

  private usesLoan(run: string | undefined): boolean {
    const loan = run === undefined ? undefined : this.loans.get(run);
    if (!loan || this.guests.has(loan.parent)) return false;
    this.guests.set(loan.parent, run!);
    return true;
  }

  /** Gives the place of an ended guest back to its parent, which may wait for further runs. */
  private returnsLoan(run: string): boolean {
    for (const [parent, guest] of this.guests)
      if (guest === run) {
        this.guests.delete(parent);
        for (const loan of [...this.loans.values()]) if (loan.parent === parent) loan.waiter.pump();
        return true;
      }
    return false;
  }

  /** A parent has ended before its guest: the guest keeps the place. */
  private leavesToGuest(run: string): boolean {
    return this.guests.delete(run);
  }
}
