/**
 * When a worker is due: an endless row of instants (slots), milliseconds since the epoch. Unless it is
 * counted from a start, it depends on nothing but its definition: every replica sees the same slots without talking
 * to the others.
 */
export interface Schedule {
  /** The first slot after that instant. */
  next(after: number): number;

  /** The last slot at or before that instant. */
  latest(at: number): number;

  /** How many slots lie after the one instant, up to and including the other. */
  count(after: number, until: number): number;

  /** The same from another start; only those that are counted from one have it. */
  startingAt?(start: number): Schedule;
}
