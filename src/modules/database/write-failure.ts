/**
 * What a write that failed means for its rows.
 * - `refused`: the database will never take at least one of them.
 * - `late`: it did not finish in time; fewer at a time may.
 * - `unreachable`: the rows are not to blame, and the same write may succeed later. So it is with a table that is
 *   missing and a right that is lacking: a person can mend both.
 */
export type WriteFailure = 'refused' | 'late' | 'unreachable';

/**
 * SQLSTATE classes in which a row is to blame: cardinality (two rows of one statement change the same), data, integrity
 * ("no partition found for row" is among them), too long for an index, and what a trigger raised.
 */
const OF_A_ROW = /^(21|22|23|54000|P0001)/;

/** Errors of this process: values that cannot be encoded. By name, as under Jest there are several classes of each. */
const OF_AN_ENCODER = new Set(['TypeError', 'RangeError', 'SyntaxError']);

/** What kind of failure the error of a write is. */
export function writeFailure(error: unknown): WriteFailure {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (code === '57014' || name === 'DatabaseSilentError') return 'late';
  if (typeof code === 'string' && OF_A_ROW.test(code)) return 'refused';
  if (code === undefined && OF_AN_ENCODER.has(String(name))) return 'refused';
  return 'unreachable';
}
