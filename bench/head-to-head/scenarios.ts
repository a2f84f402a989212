/** What is done to three processes that run one job. */
export interface Scenario {
  /** How a table names it. */
  readonly title: string;
  /** Milliseconds between two due times. */
  readonly interval: number;
  /** How long the job takes, milliseconds. */
  readonly takes: number;
  /** Length of the time that counts, seconds. */
  readonly seconds: number;
  readonly fault: Fault;
}

export type Fault =
  /** Every `every` milliseconds a process at random is killed, and started again. */
  | { readonly kind: 'killed at random'; readonly every: number }
  /** The process of each due time's first run is killed `after` milliseconds from its start, and started again. */
  | { readonly kind: 'killed in mid-run'; readonly after: number }
  /** The process of the first run is stopped `after` milliseconds from its start, for `length` milliseconds. */
  | { readonly kind: 'frozen in mid-run'; readonly after: number; readonly length: number }
  | { readonly kind: 'none' };

const SECOND = 1_000;

/** @param atMost seconds that each may last: shorter ones say less */
export function scenarios(atMost = Infinity): Record<ScenarioName, Scenario> {
  const seconds = (full: number): number => Math.min(full, atMost);
  const frozen = seconds(18);
  return {
    killed: {
      title: 'killed at random',
      interval: SECOND,
      takes: 20,
      seconds: seconds(120),
      fault: { kind: 'killed at random', every: Math.min(10, atMost / 3) * SECOND },
    },
    killedInMidRun: {
      title: 'killed in mid-run',
      interval: 6 * SECOND,
      takes: 3 * SECOND,
      seconds: seconds(24),
      fault: { kind: 'killed in mid-run', after: SECOND },
    },
    overlap: {
      title: 'longer than its interval',
      interval: SECOND,
      takes: 5 * SECOND,
      seconds: seconds(15),
      fault: { kind: 'none' },
    },
    frozen: {
      title: 'frozen in mid-run',
      interval: 6 * SECOND,
      takes: 3 * SECOND,
      seconds: frozen,
      fault: { kind: 'frozen in mid-run', after: SECOND, length: Math.min(10, frozen / 2) * SECOND },
    },
  };
}

export type ScenarioName = 'killed' | 'killedInMidRun' | 'overlap' | 'frozen';
