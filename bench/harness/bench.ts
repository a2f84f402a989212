/** One claim about speed, or several that come from the same measurement, each beside a peer in the same run. */
export interface Bench {
  /** What it is called on the command line. */
  readonly name: string;
  /** One line for the list. */
  readonly summary: string;
  /** Whether it measures beside packages of `bench/peers`, which are installed before it runs. Default: it does not. */
  readonly peers?: boolean;
  /** Figures that the report plots, each named as in `measured` without what comes after the last `: `. Default: none. */
  readonly plotted?: readonly string[];
  /**
   * Measures. Rejects when what was measured did not do its work: a fast wrong answer is no figure.
   * @param say takes a line about progress
   */
  run(say: (line: string) => void): Promise<BenchResult>;
}

/** What a bench found. */
export interface BenchResult {
  /** By what is divided by what, such as `full sweep / raw anti-join`. */
  readonly ratios: Readonly<Record<string, Ratio>>;
  /** By what was measured. */
  readonly measured: Readonly<Record<string, Measured>>;
  /** What a reader has to know to judge the figures: what was left out, scaled, or prepared. */
  readonly notes: readonly string[];
}

/** A claim: the figure found beside its goal. */
export interface Ratio {
  readonly figure: number;
  readonly goal: number;
  readonly bound: 'at most' | 'at least';
  readonly ok: boolean;
}

/** A row of raw numbers. */
export interface Measured {
  readonly unit: 'ms' | 'µs' | 'B' | '%' | 'runs' | '/s';
  /** One of each round, in order. */
  readonly samples: readonly number[];
}

export function atMost(goal: number, figure: number): Ratio {
  return { figure, goal, bound: 'at most', ok: figure <= goal };
}

export function atLeast(goal: number, figure: number): Ratio {
  return { figure, goal, bound: 'at least', ok: figure >= goal };
}
