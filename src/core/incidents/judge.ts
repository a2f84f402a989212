import { didNothing, overBudget } from './conditions/by-metrics.js';
import { failing, lost, stale } from './conditions/by-status.js';
import { type Known, missed } from './conditions/missed.js';
import { slow } from './conditions/slow.js';
import { type IncidentRules } from './incident-rules.js';
import { type Finding, type Subject } from './subject.js';

/** The rules that judging uses. */
export type JudgingRules = Pick<IncidentRules, 'missedAfter' | 'failingAfter' | 'slow'>;

/** Findings from the last runs: they change only when a run begins or ends, or an active one becomes slow. */
export function judgeRuns(subject: Subject, now: number, rules: JudgingRules): Finding[] {
  return present([
    failing(subject, rules.failingAfter),
    lost(subject),
    rules.slow && slow(subject, now, rules.slow),
    overBudget(subject),
    didNothing(subject),
  ]);
}

/** Findings that depend on the time. */
export function judgeTime(subject: Subject, known: Known, now: number, rules: JudgingRules): Finding[] {
  return present([missed(subject, known, now, rules.missedAfter), stale(subject)]);
}

function present(findings: (Finding | undefined)[]): Finding[] {
  return findings.filter((finding) => finding !== undefined);
}
