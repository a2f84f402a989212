import { type Measured } from '../harness/bench.js';

/** What was measured of several subjects in the same way: a row for each subject, a column for each figure. */
export interface Rows {
  /** What the columns have in common, such as a scenario. Empty: nothing is said of it. */
  readonly heading: string;
  readonly columns: readonly string[];
  readonly subjects: readonly string[];
  readonly cell: (subject: string, column: string) => Measured | undefined;
}

/** The column of what has a name of one part: it is its own subject. */
const ALONE = 'measured';

/**
 * Benches name a figure `column: subject`, or `heading: column: subject`. Those with a name of one part are a table of their own, whose
 * column is `measured`.
 */
export function rowsOf(measured: Readonly<Record<string, Measured>>): Rows[] {
  const all = Object.entries(measured).map(([name, row]) => ({ ...partsOf(name), row }));
  const tables = [...new Set(all.map(({ table }) => table))];
  return tables.map((table) => {
    const own = all.filter((one) => one.table === table);
    return {
      heading: own[0]!.heading,
      columns: [...new Set(own.map(({ column }) => column))],
      subjects: [...new Set(own.map(({ subject }) => subject))],
      cell: (subject, column) => own.find((one) => one.subject === subject && one.column === column)?.row,
    };
  });
}

function partsOf(name: string): { heading: string; column: string; subject: string; table: string } {
  const [subject = name, column = ALONE, ...before] = name.split(': ').toReversed();
  const heading = before.toReversed().join(': ');
  return { heading, column, subject, table: column === ALONE ? ALONE : `of subjects: ${heading}` };
}
