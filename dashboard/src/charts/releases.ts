import { type Run } from '../api.js';

/** The runs of a release without another one between them. */
export interface ReleaseSpan {
  /** Absent: the runs do not say. */
  release?: string;
  /** Oldest first. */
  runs: Run[];
}

/**
 * What ran one after the other, from the first run on. A release that comes back, such as after a rollback, is another span.
 * @param runs oldest first
 */
export function releaseSpans(runs: readonly Run[]): ReleaseSpan[] {
  const spans: ReleaseSpan[] = [];
  for (const run of runs) {
    const { release } = run;
    const span = spans.at(-1);
    if (span && span.release === release) span.runs.push(run);
    else spans.push({ ...(release !== undefined && { release }), runs: [run] });
  }
  return spans;
}
