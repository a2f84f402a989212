import { type RunError } from '../text/describe-error.js';
import { type Run } from './run.js';
import { type RunQuery } from './run.store.js';

/** Whether a run matches the query; for stores that filter in memory. */
export function matchesQuery(
  run: Run,
  { id, worker, key, outcomes, trigger, since, until, text, before }: RunQuery,
): boolean {
  return (
    (id === undefined || run.id === id) &&
    (worker === undefined || run.worker === worker) &&
    (key === undefined || run.key === key) &&
    (outcomes === undefined || outcomes.includes(run.outcome)) &&
    (trigger === undefined || run.trigger === trigger) &&
    (since === undefined || run.startedAt >= since) &&
    (until === undefined || run.startedAt < until) &&
    (text === undefined || (run.error !== undefined && says(run.error, text.toLowerCase()))) &&
    (before === undefined || newestFirst(before, run) < 0)
  );
}

/** The order of runs: newest start first, at one instant by id, so that pages have no gaps. */
export function newestFirst(a: Pick<Run, 'id' | 'startedAt'>, b: Pick<Run, 'id' | 'startedAt'>): number {
  return b.startedAt.getTime() - a.startedAt.getTime() || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}

function says({ name = '', message, cause, errors = [] }: RunError, text: string): boolean {
  if (name.toLowerCase().includes(text) || message.toLowerCase().includes(text)) return true;
  return [cause, ...errors].some((reason) => reason !== undefined && says(reason, text));
}
