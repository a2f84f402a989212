import { type TimeRange } from './telemetry.store.js';
import { type WindowStatistics } from './window-statistics.js';

/** A value of one series. */
export interface Point {
  at: Date;
  startedAt: Date | null;
  value: number | null;
}

/** A counter's first point counts as its increase when it was started at most this long before. */
const FIRST_COUNTS_FOR_MS = 300_000;
/** The point before is compared with when it is not older than this. */
const LOOKBACK_MS = 86_400_000;

/** The definition of the windows, point by point. */
export function windowsOf(points: readonly Point[], { since, until, step }: TimeRange): WindowStatistics[] {
  const sorted = [...points].sort((a, b) => +a.at - +b.at);
  const from = Math.floor(+since / step) * step;
  const to = Math.ceil(+until / step) * step;
  const windows = new Map<number, WindowStatistics>();
  const restarts = new Map<number, number>();
  sorted.forEach((point, index) => {
    const { at, value } = point;
    if (+at < from || +at >= to) return;
    const start = Math.floor(+at / step) * step;
    const before = sorted[index - 1];
    if (before && +at - +before.at <= LOOKBACK_MS && hasRestarted(before, point))
      restarts.set(start, (restarts.get(start) ?? 0) + 1);
    if (value === null) return;
    const window = windows.get(start);
    const increase = increaseOf(before, point);
    windows.set(start, {
      at: new Date(start),
      count: (window?.count ?? 0) + 1,
      min: Math.min(window?.min ?? value, value),
      max: Math.max(window?.max ?? value, value),
      sum: (window?.sum ?? 0) + value,
      last: value,
      increase: (window?.increase ?? 0) + increase,
      restarts: 0,
    });
  });
  return [...windows].map(([start, window]) => ({ ...window, restarts: restarts.get(start) ?? 0 }));
}

function hasRestarted(before: Point, { startedAt }: Point): boolean {
  return (
    startedAt !== null && before.startedAt !== null && startedAt > before.startedAt && startedAt > before.at
  );
}

/** By how much a counter grew from the point before it to this one, which has a value. */
function increaseOf(before: Point | undefined, point: Point): number {
  const { at, startedAt, value } = point;
  const now = value!;
  if (!before || +at - +before.at > LOOKBACK_MS)
    return startedAt && +startedAt > +at - FIRST_COUNTS_FOR_MS ? now : 0;
  if (hasRestarted(before, point)) return now;
  if (before.value === null) return 0;
  if (startedAt && before.startedAt) return Math.max(now - before.value, 0);
  return now < before.value ? now : now - before.value;
}
