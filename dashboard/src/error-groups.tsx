import { withoutNumbers } from '../../src/core/text/without-numbers.js';
import { type Run } from './api.js';
import { instant, relative } from './format.js';
import { Failure } from './thrown.js';

interface ErrorGroup {
  key: string;
  /** Newest first. */
  runs: Run[];
}

/** The errors of the runs, those of one kind together: the same text but for its numbers and ids. */
export function groupErrors(runs: readonly Run[]): ErrorGroup[] {
  const groups = new Map<string, ErrorGroup>();
  for (const run of runs) {
    if (!run.error) continue;
    const key = `${run.outcome} ${run.error.name ?? ''} ${withoutNumbers(run.error.message)}`;
    const group = groups.get(key);
    if (group) group.runs.push(run);
    else groups.set(key, { key, runs: [run] });
  }
  return [...groups.values()].sort((a, b) => b.runs.length - a.runs.length);
}

/** Why runs failed, the most frequent reason first. */
export function ErrorGroups({ runs, now }: { runs: readonly Run[]; now: number }) {
  const groups = groupErrors(runs);
  if (groups.length === 0) return null;
  return (
    <section aria-labelledby="errors">
      <h3 id="errors">Errors</h3>
      <ul class="errors">
        {groups.map(({ key, runs: failed }) => {
          const [latest] = failed;
          return (
            <li key={key}>
              <div class="quiet">
                <strong>{failed.length === 1 ? 'once' : `${failed.length} times`}</strong>
                <span class={`badge ${latest!.outcome}`}>{latest!.outcome}</span>
                <span title={instant(latest!.started_at)}>last {relative(latest!.started_at, now)}</span>
                {failed.length > 1 && <span>first {relative(failed.at(-1)!.started_at, now)}</span>}
              </div>
              <Failure run={latest!} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}
