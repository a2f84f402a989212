/** One thing that is wrong with a fleet file, and what to do about it. */
export interface FleetProblem {
  /** Where it is in the file, both from 1. Absent when the file could not be read at all. */
  line?: number;
  column?: number;
  /** Key path such as `tenants[0].workloads[1].replicas`. Absent when the problem is not of one key. */
  path?: string;
  message: string;
}

/** Problems that the message lists. Whoever has more of them has made one mistake many times. */
const SHOWN = 20;

/**
 * A fleet file that cannot be used. The message lists what is wrong with it, one line each and 20 at most, so
 * that it takes one round to mend; what may be a secret is never shown: nothing below `env`, `command` or `checks`, and no value
 * of a file that is no fleet file.
 */
export class FleetFileError extends Error {
  override readonly name = 'FleetFileError';

  /** @param file its path as it is to be shown */
  constructor(
    readonly file: string,
    readonly problems: readonly FleetProblem[],
  ) {
    const [first, ...more] = problems.slice(0, SHOWN).map((problem) => oneLine(file, problem));
    const left = problems.length - SHOWN;
    if (left > 0) more.push(`and ${left} more: mend these first`);
    super(
      more.length === 0
        ? `Cannot use the fleet file. ${first}`
        : `Cannot use the fleet file, ${problems.length} problems:\n${[first, ...more].map((line) => `  ${line}`).join('\n')}`,
    );
  }
}

function oneLine(file: string, { line, column, path, message }: FleetProblem): string {
  const place = line === undefined ? file : `${file}:${line}:${column}`;
  return path ? `${place} ${path}: ${message}` : `${place}: ${message}`;
}
