import { type Run } from '../../history/run.js';
import { type Finding, type Subject, succeeded } from '../subject.js';

/** Runs in a row above 0 after which a 0 is reported. */
const ALL_ABOVE_ZERO = 5;

/** The newest ended run reported more than its budget. */
export function overBudget({ runs, definition: { budget } }: Subject): Finding | undefined {
  const run = runs.find(({ endedAt }) => endedAt !== undefined);
  const over = Object.entries(budget).filter(([name, most]) => (metricOf(run, name) ?? -Infinity) > most);
  if (!run || over.length === 0) return undefined;
  const facts = over.map(([name, most]) => `${name} is ${metricOf(run, name)}, and ${most} is the most`);
  return { condition: 'over_budget', what: `is over budget: ${facts.join('; ')}`, run };
}

/**
 * The newest successful run reported less than expected. For a metric without an expectation: 0 after five runs that all
 * reported more.
 */
export function didNothing({ runs, definition: { expect } }: Subject): Finding | undefined {
  const ended = succeeded(runs);
  const [run] = ended;
  if (!run) return undefined;
  const facts = [
    ...Object.entries(expect).flatMap(([name, { min }]) => {
      const value = metricOf(run, name);
      if (value !== undefined && value >= min) return [];
      return [
        value === undefined ? `it did not report ${name}` : `${name} is ${value}, and ${min} is the least`,
      ];
    }),
    ...Object.keys(run.metrics ?? {}).flatMap((name) =>
      !Object.hasOwn(expect, name) && fellToZero(ended, name)
        ? [`${name} is 0, after ${ALL_ABOVE_ZERO} runs that were all above it`]
        : [],
    ),
  ];
  return facts.length > 0
    ? { condition: 'did_nothing', what: `did nothing: ${facts.join('; ')}`, run }
    : undefined;
}

/** Whether the newest values are 0, and the five before them were above 0. */
function fellToZero(runs: readonly Run[], name: string): boolean {
  const values = runs.flatMap((run) => metricOf(run, name) ?? []);
  const zeros = values.findIndex((value) => value !== 0);
  if (zeros < 1) return false;
  const before = values.slice(zeros, zeros + ALL_ABOVE_ZERO);
  return before.length === ALL_ABOVE_ZERO && before.every((value) => value > 0);
}

function metricOf(run: Run | undefined, name: string): number | undefined {
  return run?.metrics && Object.hasOwn(run.metrics, name) ? run.metrics[name] : undefined;
}
