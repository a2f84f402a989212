import { type Run } from '../../history/run.js';
import { shownDuration } from '../../text/shown-duration.js';
import { type Finding, type Subject, succeeded } from '../subject.js';

/** When a run counts as slow. */
export interface SlowLimits {
  /** Multiple of the 95th percentile of the runs before. */
  readonly factor: number;
  /** A run that takes less is not slow. Milliseconds. */
  readonly floor: number;
}

/** Fewest runs for a comparison. */
const FEWEST = 5;

/**
 * The newest runs took longer than those before them, or the active one already does. They are compared with the runs
 * before the first slow one: otherwise several slow runs would be compared with themselves. With fewer than 5 runs
 * before, the long durations count as usual.
 */
export function slow({ runs }: Subject, now: number, { factor, floor }: SlowLimits): Finding | undefined {
  const timed = [...runs.filter(({ outcome }) => outcome === 'running').slice(-1), ...succeeded(runs)];
  for (let count = 1; count <= timed.length - FEWEST; count++) {
    const usual = percentile95(timed.slice(count).map((run) => durationOf(run, now)));
    const limit = Math.max(factor * usual, floor);
    const newest = timed.slice(0, count);
    if (!newest.every((run) => durationOf(run, now) > limit)) continue;
    const [run] = newest;
    const took = `${shownDuration(durationOf(run!, now))}${run!.endedAt ? '' : ' and is active still'}`;
    const compared = `${shownDuration(usual)} is the 95th percentile of the ${timed.length - count} before`;
    const since = newest.at(-1)!;
    const release = since.release === undefined ? '' : ` of release ${since.release}`;
    const row =
      count === 1 ? '' : `, as ${count} runs in a row do since ${since.startedAt.toISOString()}${release}`;
    return {
      condition: 'slow',
      what: `is slow: run ${run!.id}${count === 1 ? release : ''} took ${took}${row}; ${compared}`,
      run: since,
    };
  }
  return undefined;
}

function durationOf({ startedAt, endedAt }: Run, now: number): number {
  return (endedAt?.getTime() ?? now) - startedAt.getTime();
}

/** The 95th percentile by nearest rank. */
function percentile95(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(0.95 * sorted.length) - 1]!;
}
