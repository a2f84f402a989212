import { killAndDrainHolders, stopHolder, type JobSeen } from '../holder.js';
import { type Report } from '../report.js';
import { atServer } from './place.js';

const LEASE = 5_000;

export async function fullJob(lease = LEASE): Promise<Report> {
  const times = { takes: 20_000, every: 15_000, lease };
  const seen = await atServer((place) => killAndDrainHolders(place, times));
  return report('A job of 20 s: its holder killed after 15 s, the next one drained after 15 s', seen, [
    'lost',
    'aborted',
    'succeeded',
  ]);
}

export async function fullSleep(lease = LEASE): Promise<Report> {
  const seen = await atServer((place) => stopHolder(place, { lease }));
  const reasons = seen.notes.flatMap(({ attempt, reason }) => (attempt === 1 && reason ? [reason] : []));
  const told = report(`SIGSTOP of a holder beyond its lease of ${lease / 1_000} s, then SIGCONT`, seen, [
    'lost',
    'succeeded',
  ]);
  if (String(reasons) !== 'LeaseLostError') told.wrong.push(`its signal said ${String(reasons)}`);
  if (seen.history[0]?.error !== 'StaleRunError')
    told.wrong.push(`its write ended with ${seen.history[0]?.error}`);
  return told;
}

/** Only the last run may have an effect. */
function report(title: string, seen: JobSeen, outcomes: string[]): Report {
  const { history, effects, violations } = seen;
  const wrong = [...violations];
  if (String(history.map(({ outcome }) => outcome)) !== String(outcomes))
    wrong.push(`the runs should have been ${outcomes.join(', ')}`);
  if (effects.length !== 1 || effects[0]!.attempt !== outcomes.length)
    wrong.push(`the effects are ${JSON.stringify(effects)}`);
  return {
    title,
    figures: history.map(({ attempt, outcome, error }) => [`attempt ${attempt}`, outcome, error ?? '']),
    wrong,
  };
}
