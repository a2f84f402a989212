/**
 * Which transactions had ended at one moment, as PostgreSQL's `pg_current_snapshot()` tells it. Numbers of
 * rows are given out before their transactions commit; only a snapshot says what was there and what was not.
 */
export class Snapshot {
  private constructor(
    /** Every transaction below this had ended. */
    readonly xmin: bigint,
    private readonly xmax: bigint,
    private readonly running: ReadonlySet<bigint>,
  ) {}

  /**
   * @param text `xmin:xmax:running,…`, see "pg_snapshot" in PostgreSQL's manual.
   * @param own The transaction that asked. PostgreSQL leaves it out of the running ones.
   */
  static parse(text: string, own: string | null): Snapshot {
    const [xmin = '', xmax = '', running = ''] = text.split(':');
    const ids = running.split(',').filter(Boolean);
    return new Snapshot(BigInt(xmin), BigInt(xmax), new Set([...ids, ...(own ? [own] : [])].map(BigInt)));
  }

  /** Whether that transaction had ended. */
  sees(transaction: bigint): boolean {
    return transaction < this.xmin || (transaction < this.xmax && !this.running.has(transaction));
  }
}
