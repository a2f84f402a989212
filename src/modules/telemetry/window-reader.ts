import { type Transactions } from '../database/transaction.js';
import { readFloats } from './float-array.js';
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
import { mergeStatistics, type Statistic, statisticOf, type WindowStatistics } from './window-statistics.js';

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
    { since, until, step, aggregation }: TimeRange,
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
    const needed = aggregation && [statisticOf(aggregation), 'count'];
    const kept = columns.map((column) => ({
      name: column.name,
      kept: keptOf(column).filter(({ statistic }) => !needed || needed.includes(statistic)),
    }));
    const statistics = kept.flatMap((column) => column.kept.map((statistic) => statistic.column));
    for (const part of parts) {
      if (part.from >= part.to) continue;
      const rows = await this.transactions.query<WindowsRow>(
        `SELECT ${this.table.key} AS key, ${floats(`date_part('epoch', at) * 1000`)} AS at, ${floats('restarts')} AS restarts,
                ${statistics.map((name) => `${floats(name)} AS ${name}`).join(', ')}
           FROM (${part.select}) AS windows WHERE $3::interval IS NOT NULL GROUP BY 1`,
        [new Date(part.from), new Date(part.to), `${step} milliseconds`, keys],
      );
      for (const row of rows) add(windows, row, kept);
    }
    return windows;
  }
}

function within(from: number, to: number, instant: number): number {
  return Math.min(Math.max(from, instant), to);
}

/** The windows of a series, each value as an array in the bytes of `array_send`. */
type WindowsRow = { key: number; at: Buffer; restarts: Buffer } & Record<string, Buffer>;

function floats(expression: string): string {
  return `array_send(array_agg((${expression})::float8 ORDER BY at))`;
}

/** Parts come in the order of time; only the window at their border is in two of them. */
function add(
  all: WindowsByColumn,
  row: WindowsRow,
  columns: readonly { name: string; kept: ReturnType<typeof keptOf> }[],
): void {
  const byColumn = all.get(row.key) ?? new Map<string, WindowStatistics[]>();
  all.set(row.key, byColumn);
  const instants = readFloats(row.at);
  const restarts = readFloats(row.restarts);
  for (const { name, kept } of columns) {
    const windows = byColumn.get(name) ?? [];
    byColumn.set(name, windows);
    const of: Partial<Record<Statistic, (number | null)[]>> = {};
    for (const { statistic, column } of kept) of[statistic] = readFloats(row[column]!);
    for (let i = 0; i < instants.length; i++) {
      const window: WindowStatistics = {
        // The instant is a floating-point number: a tenth of a second is not one exactly.
        at: new Date(Math.round(instants[i]!)),
        count: of.count?.[i] ?? 0,
        min: of.min?.[i] ?? null,
        max: of.max?.[i] ?? null,
        sum: of.sum?.[i] ?? null,
        last: of.last?.[i] ?? null,
        increase: of.increase?.[i] ?? null,
        restarts: restarts[i] ?? 0,
      };
      // A metric that is not available there has no windows, and not ones of nothing.
      if (window.count === 0) continue;
      const last = windows.at(-1);
      if (last && +last.at === +window.at) windows[windows.length - 1] = mergeStatistics(last, window);
      else windows.push(window);
    }
  }
}
