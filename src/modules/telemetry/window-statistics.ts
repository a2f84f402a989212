/** Statistics of the points of one series within one window of time. */
export interface WindowStatistics {
  /** Start of the window. */
  at: Date;
  /** Points; those whose value is not available do not count. */
  count: number;
  min: number | null;
  max: number | null;
  sum: number | null;
  /** The value of the latest point. */
  last: number | null;
  /**
   * By how much the counter grew from point to point, a point counting for the window that it is in; after a restart
   * it grew from zero. So the increases of windows add up to that of the time they cover together.
   */
  increase: number | null;
  /** How often what is counted started anew, by its start time: of an instance, how often it was restarted. */
  restarts: number;
}

/** What is counted of a window besides its restarts. */
export type Statistic = 'min' | 'max' | 'sum' | 'count' | 'last' | 'increase';

/** What can be asked of a window. `rate` is per second. */
export type Aggregation = 'avg' | 'min' | 'max' | 'sum' | 'count' | 'last' | 'increase' | 'rate' | 'restarts';

export const AGGREGATIONS: readonly Aggregation[] = [
  'avg', 'min', 'max', 'sum', 'count', 'last', 'increase', 'rate', 'restarts',
]; // prettier-ignore

/** What an aggregation is made of, besides `count`, which says whether there is anything. */
export function statisticOf(aggregation: Aggregation): Statistic | undefined {
  switch (aggregation) {
    case 'avg':
      return 'sum';
    case 'rate':
      return 'increase';
    case 'restarts':
      return undefined;
    default:
      return aggregation;
  }
}

/** The statistics of two parts of one window, the earlier first. */
export function mergeStatistics(a: WindowStatistics, b: WindowStatistics): WindowStatistics {
  return {
    at: a.at,
    count: a.count + b.count,
    min: known(Math.min, a.min, b.min),
    max: known(Math.max, a.max, b.max),
    sum: known(plus, a.sum, b.sum),
    last: b.last ?? a.last,
    increase: known(plus, a.increase, b.increase),
    restarts: a.restarts + b.restarts,
  };
}

/** @param seconds how much of the window has passed, for a rate */
export function aggregate(window: WindowStatistics, by: Aggregation, seconds: number): number | null {
  switch (by) {
    case 'avg':
      return window.sum === null || window.count === 0 ? null : window.sum / window.count;
    case 'rate':
      return window.increase === null || seconds <= 0 ? null : window.increase / seconds;
    default:
      return window[by];
  }
}

function known(of: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : of(a, b);
}

function plus(a: number, b: number): number {
  return a + b;
}
