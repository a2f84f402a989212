/**
 * When a worker is due: a sequence of instants (slots), milliseconds since the epoch. Unless slots are counted from a
 * start, they depend only on the definition: every replica computes the same slots without communication.
 */
export interface Schedule {
  /** The first slot after that instant; Infinity when there is none. */
  next(after: number): number;

  /** The last slot at or before that instant; -Infinity when there is none. */
  latest(at: number): number;

  /** Number of slots after `after`, up to and including `until`. */
  count(after: number, until: number): number;

  /** The same schedule from another start. Only schedules that are counted from a start have it. */
  startingAt?(start: number): Schedule;
}
