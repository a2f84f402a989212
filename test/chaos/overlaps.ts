import { type Note } from './replica.js';

/** Two runs of one worker that were on at a time. */
export interface Overlap {
  worker: string;
  runs: [string, string];
  /** Milliseconds that both were on. */
  for: number;
}

/**
 * Runs that were on at a time, from the notes of all replicas. A run of a replica that was killed was on until then; its
 * notes end with one that says when.
 */
export function findOverlaps(journals: readonly (readonly Note[])[]): Overlap[] {
  const spans = journals.flatMap(spansOf).sort((a, b) => a.start - b.start);
  const last = new Map<string, Span>();
  const overlaps: Overlap[] = [];
  for (const span of spans) {
    const before = last.get(span.worker);
    if (before && before.end > span.start)
      overlaps.push({
        worker: span.worker,
        runs: [before.run, span.run],
        for: Math.min(before.end, span.end) - span.start,
      });
    if (!before || span.end > before.end) last.set(span.worker, span);
  }
  return overlaps;
}

interface Span {
  worker: string;
  run: string;
  start: number;
  end: number;
}

function spansOf(journal: readonly Note[]): Span[] {
  const open = new Map<string, Span>();
  const spans: Span[] = [];
  for (const { what, at, worker, run } of journal) {
    if (what === 'start') {
      const span = { worker, run, start: at, end: Infinity };
      open.set(run, span);
      spans.push(span);
    } else if (what === 'end') {
      open.get(run)!.end = at;
      open.delete(run);
    } else if (what === 'died') {
      for (const span of open.values()) span.end = at;
      open.clear();
    }
  }
  return spans;
}
