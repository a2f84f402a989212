import { didNothing, overBudget } from './conditions/by-metrics.js';
import { failing, lost, stale } from './conditions/by-status.js';
import { type Known, missed } from './conditions/missed.js';
import { slow } from './conditions/slow.js';
import { type IncidentRules } from './incident-rules.js';
import { type Finding, type Subject } from './subject.js';

/** What judging takes of the options. */
export type JudgingRules = Pick<IncidentRules, 'missedAfter' | 'failingAfter' | 'slow'>;

/** What follows from the last runs: it stays as it is until a run begins or ends, but for an active one that becomes slow. */
export function judgeRuns(subject: Subject, now: number, rules: JudgingRules): Finding[] {
  return present([
    failing(subject, rules.failingAfter),
    lost(subject),
    rules.slow && slow(subject, now, rules.slow),
    overBudget(subject),
    didNothing(subject),
  ]);
}

/** What time alone brings about. */
export function judgeTime(subject: Subject, known: Known, now: number, rules: JudgingRules): Finding[] {
  return present([missed(subject, known, now, rules.missedAfter), stale(subject)]);
}

function present(findings: (Finding | undefined)[]): Finding[] {
  return findings.filter((finding) => finding !== undefined);
}
