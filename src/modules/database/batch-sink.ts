/** Where a `BatchWriter` puts its rows. */
export interface BatchSink<Row> {
  /**
   * Writes all of the rows or none. What it rejects with is judged by `writeFailure`, and tried again when it says that
   * the rows are not to blame: so writing rows twice, after an answer that was lost, must do no harm.
   * @param signal aborts when nobody waits for the write any more
   */
  write(rows: readonly Row[], signal: AbortSignal): Promise<void>;
  /** Lets go of what it holds. */
  close(): Promise<void>;
}
