import { position } from '../http/position.js';
import { instant, oneOf, someOf, text } from '../http/query.pipe.js';
import { toWire, type Wire } from '../http/wire.js';
import { latenessOf, type Run, type RunOutcome, withoutLog } from '../history/run.js';
import { type RunQuery } from '../history/run.store.js';
import { type RunTrigger } from '../worker/run-context.js';

/** A run over HTTP: its record and its lateness. */
export type ShownRun = Run & { latenessMs: number };

export function showRun(run: Run): Wire<ShownRun> {
  return toWire({ ...run, latenessMs: latenessOf(run) });
}

/** A run in a list. Its log and payload are only in the answer to `GET /runs/:id`. */
export function showRunBriefly(run: Run): Wire<ShownRun> {
  return showRun(withoutLog(run));
}

export const OUTCOMES = [
  'running', 'succeeded', 'failed', 'timed_out', 'aborted', 'cancelled', 'lost',
] as const satisfies readonly RunOutcome[]; // prettier-ignore

export const TRIGGERS = [
  'schedule', 'manual', 'event', 'catch_up', 'retry',
] as const satisfies readonly RunTrigger[]; // prettier-ignore

/** Filters of a list of runs. */
export const runFilters = {
  outcome: someOf(...OUTCOMES),
  trigger: oneOf(...TRIGGERS),
  since: instant(),
  until: instant(),
  text: text(),
  key: text(),
  before: position(),
};

export type RunFilters = { [K in keyof typeof runFilters]: ReturnType<(typeof runFilters)[K]> };

export function queryOf({ outcome, before, ...filters }: RunFilters): Omit<RunQuery, 'limit'> {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(given),
    ...(outcome && { outcomes: outcome }),
    ...(before && { before: { startedAt: before.at, id: before.id } }),
  };
}
