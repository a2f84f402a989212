import { type ActiveRun } from './active-run.js';

/**
 * The active runs in this process, in no order. No Set: V8 gives one a new table whenever it becomes empty, which
 * is once for every short run, and each table holds on to the next, so that those of a Set that has grown old are all
 * kept until a full collection.
 */
export class ActiveRuns implements Iterable<ActiveRun> {
  private readonly runs: ActiveRun[] = [];

  get size(): number {
    return this.runs.length;
  }

  add(run: ActiveRun): void {
    run.place = this.runs.push(run) - 1;
  }

  /** Once, of one that was added. */
  delete(run: ActiveRun): void {
    const last = this.runs.pop()!;
    if (last === run) return;
    this.runs[run.place] = last;
    last.place = run.place;
  }

  [Symbol.iterator](): Iterator<ActiveRun> {
    return this.runs.values();
  }
}
