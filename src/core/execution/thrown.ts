import { type Run } from '../history/run.js';

/** By record, and freed with it. Not a property of the record: that is stored, and what was thrown can be anything. */
const thrown = new WeakMap<Run, unknown>();

/** Keeps what a run has thrown beside its record. */
export function noteThrown(run: Run, error: unknown): void {
  thrown.set(run, error);
}

/** What a run of this process has thrown, or why its signal aborted; undefined when it succeeded, or ran elsewhere. */
export function thrownBy(run: Run): unknown {
  return thrown.get(run);
}
