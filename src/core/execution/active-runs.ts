import { type ActiveRun } from './active-run.js';

/**
 * The active runs in this process, in no order. Not a Set: V8 gives a Set a new table whenever it becomes empty,
 * which is after every short run, and each table refers to the next one, so that all tables of an old Set are kept
 * until a full garbage collection.
 */
export class ActiveRuns implements Iterable<ActiveRun> {
  private readonly runs: ActiveRun[] = [];

  get size(): number {
    return this.runs.length;
  }

  add(run: ActiveRun): void {
    run.place = this.runs.push(run) - 1;
  }

  /** Call it once for each run that was added. */
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
