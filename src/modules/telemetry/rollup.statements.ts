import { type MetricKind } from './resource-metrics.js';
import { type Statistic } from './window-statistics.js';

/** A column of points, and what its rollups keep of it. */
export interface PointColumn {
  readonly name: string;
  readonly type: string;
  /** `both`: of samples it is the series that says which. */
  readonly kind: MetricKind | 'both';
}

/** A table of raw points, and those of its rollups. */
export interface PointTable {
  readonly raw: string;
  readonly minutes: string;
  readonly hours: string;
  /** The column that tells series apart. */
  readonly key: string;
  readonly columns: readonly PointColumn[];
}

const KEPT: Record<PointColumn['kind'], readonly Statistic[]> = {
  gauge: ['min', 'max', 'sum', 'count', 'last'],
  // The smallest value of a counter is of no use.
  counter: ['count', 'last', 'increase'],
  state: ['count', 'last'],
  both: ['min', 'max', 'sum', 'count', 'last', 'increase'],
};

/** A first point counts what it has counted since its start only if that was not longer ago: else it is unknown when. */
const FIRST_COUNTS_FOR = `interval '5 minutes'`;

/** The statistics that are kept of a column, with the columns they are in. */
export function keptOf({ name, kind }: PointColumn): { statistic: Statistic; column: string }[] {
  return KEPT[kind].map((statistic) => ({ statistic, column: `${name}_${statistic}` }));
}

/** Types of the columns of a rollup, for CREATE TABLE. */
export function rollupColumns({ columns }: PointTable): { name: string; type: string }[] {
  return columns.flatMap((column) =>
    keptOf(column).map(({ statistic, column: name }) => ({ name, type: typeOf(statistic, column) })),
  );
}

function typeOf(statistic: Statistic, { type }: PointColumn): string {
  if (statistic === 'count') return 'integer';
  return statistic === 'sum' || statistic === 'increase' ? 'double precision' : type;
}

/**
 * How far back the point before the first is looked for, in milliseconds: nearby first, where nearly all have it; then for as
 * long as points are kept as a rule.
 */
export const NEAR = 600_000;
export const LOOKBACK = 86_400_000;

export interface Where {
  /** Expressions for the first instant, and the first no more. */
  readonly from: string;
  readonly to: string;
  /** Length of a window, as an expression of type interval. */
  readonly step: string;
  /** Expression for an array of keys; absent for all. */
  readonly keys?: string;
  /** Default: the whole table for each. */
  readonly sources?: PointSources | undefined;
}

/** Relations, as SQL has them, that the points are in. */
export interface PointSources {
  readonly due: string;
  /** Of the `NEAR` before them. */
  readonly near: string;
  /** Of the time before that, back to `LOOKBACK`. */
  readonly far: string;
}

/** The columns of points that rollups are made of, read from partitions by name. */
export function pointsIn({ raw, key, columns }: PointTable, partitions: readonly string[]): string {
  const names = [key, 'at', 'started_at', ...columns.map(({ name }) => name)].join(', ');
  if (partitions.length === 0) return `(SELECT ${names} FROM ${raw} WHERE false)`;
  return `(${partitions.map((name) => `SELECT ${names} FROM ${name}`).join(' UNION ALL ')})`;
}

/**
 * Rollups made of raw points: a row for each key and window, columns as in the tables. The point before the first one of a
 * key is read as well, since a counter grows from point to point.
 *
 * A restart is told by the start time, where both points have one: a sum over processes may shrink without one, and a
 * program may be past its old value when it is read next. It must have been after the point before, as a start time that
 * is computed from the uptime moves with the clock. Without start times a counter that shrinks has started anew.
 */
export function fromPoints(table: PointTable, columns: readonly PointColumn[], where: Where): string {
  const { raw, key } = table;
  const { from, to, step, keys } = where;
  const [nearFrom, farFrom] = [NEAR, LOOKBACK].map((ms) => `${from} - interval '${ms} milliseconds'`);
  const { due, near, far } = where.sources ?? { due: raw, near: raw, far: raw };
  const counters = columns.filter(({ kind }) => kind === 'counter' || kind === 'both');
  const read = ['at', 'started_at', ...columns.map(({ name }) => name)].join(', ');
  const before = (source: string, more: string): string => `
        SELECT ${key}, ${read} FROM ${source} AS earlier
         WHERE earlier.${key} = keys.${key} AND ${more} ORDER BY at DESC LIMIT 1`;
  return `
    WITH due AS MATERIALIZED (
      SELECT ${key}, ${read} FROM ${due} AS given
       WHERE at >= ${from} AND at < ${to}${keys === undefined ? '' : ` AND ${key} = ANY(${keys})`}
    ), keys AS (SELECT DISTINCT ${key} FROM due),
    points AS (
      SELECT ${key}, ${read} FROM due
      UNION ALL SELECT near.* FROM keys CROSS JOIN LATERAL (${before(
        near,
        `at < ${from} AND at >= ${nearFrom}`,
      )}) AS near
      UNION ALL SELECT far.* FROM keys CROSS JOIN LATERAL (${before(
        far,
        `at < ${nearFrom} AND at >= ${farFrom} AND NOT EXISTS (
           SELECT FROM ${near} AS near WHERE near.${key} = keys.${key}
              AND near.at < ${from} AND near.at >= ${nearFrom})`,
      )}) AS far
    ), steps AS (
      SELECT ${key}, ${read}, lag(at) OVER series AS before_at, lag(started_at) OVER series AS before_start
             ${counters.map(({ name }) => `, lag(${name}) OVER series AS ${name}_before`).join('')}
        FROM points WINDOW series AS (PARTITION BY ${key} ORDER BY at)
    )
    SELECT ${key}, date_bin(${step}, at, 'epoch') AS at,
           ${columns.flatMap((column) => keptOf(column).map(({ statistic }) => `${ofPoints(statistic, column)} AS ${column.name}_${statistic}`)).join(',\n           ')},
           (count(*) FILTER (WHERE started_at > before_start AND started_at > before_at))::integer AS restarts
      FROM steps WHERE at >= ${from}
     GROUP BY ${key}, date_bin(${step}, at, 'epoch')`;
}

function ofPoints(statistic: Statistic, { name, type }: PointColumn): string {
  switch (statistic) {
    case 'count':
      return `count(${name})::integer`;
    case 'last':
      return lastOf(name);
    case 'increase':
      return `sum(${increaseOf(name)})`;
    case 'sum':
      return `sum(${name}::double precision)`;
    default:
      return `${statistic}(${name})::${type}`;
  }
}

function increaseOf(name: string): string {
  const before = `${name}_before`;
  return `(CASE
             WHEN ${name} IS NULL THEN NULL
             WHEN before_at IS NULL THEN CASE WHEN started_at > at - ${FIRST_COUNTS_FOR} THEN ${name} ELSE 0 END
             WHEN started_at > before_start AND started_at > before_at THEN ${name}
             WHEN ${before} IS NULL THEN 0
             WHEN started_at IS NOT NULL AND before_start IS NOT NULL THEN greatest(${name} - ${before}, 0)
             WHEN ${name} < ${before} THEN ${name}
             ELSE ${name} - ${before}
           END)::double precision`;
}

/** Rollups as they are: those of a day by the minute took five times as long when each was made of itself. */
export function storedRollups(
  { key }: PointTable,
  rollup: string,
  columns: readonly PointColumn[],
  { from, to, keys }: Where,
): string {
  const names = columns.flatMap((column) => keptOf(column).map((kept) => kept.column));
  return `
    SELECT ${key}, at, ${names.join(', ')}, restarts
      FROM ${rollup}
     WHERE at >= ${from} AND at < ${to}${keys === undefined ? '' : ` AND ${key} = ANY(${keys})`}`;
}

/** Rollups made of finer ones. */
export function fromRollups(
  { key }: PointTable,
  rollup: string,
  columns: readonly PointColumn[],
  { from, to, step, keys }: Where,
): string {
  return `
    SELECT ${key}, date_bin(${step}, at, 'epoch') AS at,
           ${columns.flatMap((column) => keptOf(column).map((kept) => `${ofRollups(kept)} AS ${kept.column}`)).join(',\n           ')},
           sum(restarts)::integer AS restarts
      FROM ${rollup}
     WHERE at >= ${from} AND at < ${to}${keys === undefined ? '' : ` AND ${key} = ANY(${keys})`}
     GROUP BY ${key}, date_bin(${step}, at, 'epoch')`;
}

function ofRollups({ statistic, column }: { statistic: Statistic; column: string }): string {
  switch (statistic) {
    case 'count':
      return `sum(${column})::integer`;
    case 'last':
      return lastOf(column);
    case 'increase':
      return `sum(${column})`;
    default:
      return `${statistic}(${column})`;
  }
}

/** All of one statement have the same order, so that PostgreSQL sorts once. */
function lastOf(column: string): string {
  return `(array_agg(${column} ORDER BY at DESC) FILTER (WHERE ${column} IS NOT NULL))[1]`;
}

/** Stores rollups, in the place of those that are there. */
export function upsert({ key, columns }: PointTable, rollup: string, select: string): string {
  const names = [...columns.flatMap((column) => keptOf(column).map((kept) => kept.column)), 'restarts'];
  return `
    INSERT INTO ${rollup} (${key}, at, ${names.join(', ')})
    SELECT ${key}, at, ${names.join(', ')} FROM (${select}) AS rolled_up
    ON CONFLICT (${key}, at) DO UPDATE SET ${names.map((name) => `${name} = EXCLUDED.${name}`).join(', ')}`;
}
