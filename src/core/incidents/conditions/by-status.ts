import { type Finding, type Subject } from '../subject.js';

/** At least `after` runs in a row did not succeed. */
export function failing({ info, runs }: Subject, after: number): Finding | undefined {
  const { consecutiveFailures, lastError } = info;
  if (consecutiveFailures < after) return undefined;
  const run = runs.find(({ outcome }) => outcome === 'failed' || outcome === 'timed_out');
  const last = lastError === undefined ? '' : `, the last with: ${lastError}`;
  return {
    condition: 'failing',
    what: `is failing: ${consecutiveFailures} runs in a row did not succeed${last}`,
    run,
  };
}

/** Three intervals and its timeout have passed without the end of a run. */
export function stale({ info }: Subject): Finding | undefined {
  if (!info.conditions.includes('stale')) return undefined;
  const since = info.lastRun
    ? `the last one began at ${info.lastRun.toISOString()}`
    : 'there was none before';
  return { condition: 'stale', what: `is stale: no run has ended for too long; ${since}` };
}

/** The replica of a run stopped answering, and no run has succeeded since. */
export function lost({ info: { lastSuccess }, runs }: Subject): Finding | undefined {
  const good = runs.findIndex(({ outcome }) => outcome === 'succeeded');
  const run = (good < 0 ? runs : runs.slice(0, good)).find(({ outcome }) => outcome === 'lost');
  if (!run) return undefined;
  // A worker may keep no records of runs that succeed.
  if (lastSuccess && lastSuccess > run.startedAt) return undefined;
  const what = `has lost a run: replica ${run.replica} fell silent, and none has succeeded since`;
  return { condition: 'lost', what, run };
}
