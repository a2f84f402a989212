import { withoutNumbers } from '../../core/text/without-numbers.js';

/** What is needed of a run that did not succeed. */
export interface FailedRun {
  readonly id: string;
  readonly worker: string;
  readonly outcome: string;
  readonly started_at: string;
  readonly release?: string;
  readonly error?: { readonly name?: string; readonly message: string };
}

/** Runs that failed alike. */
export interface ErrorGroup {
  readonly worker: string;
  readonly outcome: string;
  readonly error: string;
  count: number;
  /** Start of the first and of the last of them. */
  first: string;
  last: string;
  /** The last of them. */
  readonly example_run: string;
  readonly releases: string[];
}

/** By worker, outcome and message, the most frequent first. Numbers and ids in a message differ from run to run. */
export function groupErrors(newestFirst: readonly FailedRun[]): ErrorGroup[] {
  const groups = new Map<string, ErrorGroup>();
  for (const { id, worker, outcome, started_at, release, error } of newestFirst) {
    const said = error ? `${error.name ?? 'Error'}: ${error.message}` : outcome;
    const key = JSON.stringify([worker, outcome, withoutNumbers(said)]);
    let group = groups.get(key);
    if (!group) {
      group = {
        worker,
        outcome,
        error: said,
        count: 0,
        first: started_at,
        last: started_at,
        example_run: id,
        releases: [],
      };
      groups.set(key, group);
    }
    group.count++;
    group.first = started_at;
    if (release !== undefined && !group.releases.includes(release)) group.releases.push(release);
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}
