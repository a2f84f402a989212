import { type Transactions } from '../database/transaction.js';
import {
  fromPoints,
  fromRollups,
  keptOf,
  type PointColumn,
  type PointTable,
  storedRollups,
} from './rollup.statements.js';
import { type RollupProgress } from './rollups.js';
import { type TimeRange } from './telemetry.store.js';
import { mergeStatistics, type WindowStatistics } from './window-statistics.js';

/** Windows by series and column. */
export type WindowsByColumn = Map<number, Map<string, WindowStatistics[]>>;

const MINUTE = 60_000;
const HOUR = 3_600_000;

/**
 * Reads windows from the coarsest rollups that make them up, and what is not rolled up yet from the points: so the latest
 * minutes are there as soon as they are stored.
 */
export class WindowReader {
  constructor(
    private readonly transactions: Transactions,
    private readonly table: PointTable,
    private readonly progress: () => Promise<RollupProgress>,
  ) {}

  async read(
    keys: readonly number[],
    columns: readonly PointColumn[],
    { since, until, step }: TimeRange,
  ): Promise<WindowsByColumn> {
    const windows: WindowsByColumn = new Map();
    if (keys.length === 0 || columns.length === 0) return windows;
    const from = Math.floor(+since / step) * step;
    const to = Math.ceil(+until / step) * step;
    const { minutesUntil, hoursUntil } = await this.progress();
    const hoursTo = step % HOUR === 0 ? within(from, to, +hoursUntil) : from;
    const minutesTo = step % MINUTE === 0 ? within(hoursTo, to, +minutesUntil) : hoursTo;
    const where = { from: '$1::timestamptz', to: '$2::timestamptz', step: '$3::interval', keys: '$4::int[]' };
    const { hours, minutes } = this.table;
    const parts = [
      {
        from,
        to: hoursTo,
        select: (step === HOUR ? storedRollups : fromRollups)(this.table, hours, columns, where),
      },
      {
        from: hoursTo,
        to: minutesTo,
        select: (step === MINUTE ? storedRollups : fromRollups)(this.table, minutes, columns, where),
      },
      { from: minutesTo, to, select: fromPoints(this.table, columns, where) },
    ];
    for (const part of parts) {
      if (part.from >= part.to) continue;
      const names = columns.flatMap((column) => keptOf(column).map((kept) => kept.column));
      const rows = await this.transactions.manager().query<Record<string, number>[]>(
        `SELECT ${this.table.key} AS key, (extract(epoch FROM at) * 1000)::float8 AS at,
                  restarts::float8 AS restarts, ${names.map((name) => `${name}::float8 AS ${name}`).join(', ')}
             FROM (${part.select}) AS windows WHERE $3::interval IS NOT NULL ORDER BY 1, 2`,
        [new Date(part.from), new Date(part.to), `${step} milliseconds`, keys],
      );
      for (const row of rows) add(windows, row, columns);
    }
    return windows;
  }
}

function within(from: number, to: number, instant: number): number {
  return Math.min(Math.max(from, instant), to);
}

/** Parts come in the order of time; only the window at their border is in two of them. */
function add(all: WindowsByColumn, row: Record<string, number>, columns: readonly PointColumn[]): void {
  const byColumn = all.get(row.key!) ?? new Map<string, WindowStatistics[]>();
  all.set(row.key!, byColumn);
  for (const { name } of columns) {
    const windows = byColumn.get(name) ?? [];
    byColumn.set(name, windows);
    const window: WindowStatistics = {
      at: new Date(row.at!),
      count: row[`${name}_count`] ?? 0,
      min: row[`${name}_min`] ?? null,
      max: row[`${name}_max`] ?? null,
      sum: row[`${name}_sum`] ?? null,
      last: row[`${name}_last`] ?? null,
      increase: row[`${name}_increase`] ?? null,
      restarts: row['restarts'] ?? 0,
    };
    // A metric that is not available there has no windows, and not ones of nothing.
    if (window.count === 0) continue;
    const last = windows.at(-1);
    if (last && +last.at === +window.at) windows[windows.length - 1] = mergeStatistics(last, window);
    else windows.push(window);
  }
}
