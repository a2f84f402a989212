import { type DataSource } from 'typeorm';
import { type TimePartitions } from '../database/time-partitions.js';
import { type Transactions } from '../database/transaction.js';
import { closingLock } from './late-points.js';
import { orderMinutes } from './rollup-order.js';
import {
  fromPoints,
  fromRollups,
  LOOKBACK,
  NEAR,
  pointsIn,
  type PointSources,
  type PointTable,
  upsert,
  type Where,
} from './rollup.statements.js';

/**
 * How far the rollups of a table are.
 *
 *     raw points   ├── rolled up to minutes ──┤── closed, not yet rolled up ──┤── open ──┤ now
 *                  0                    minutesUntil                     closedUntil
 *
 * A window is closed 30 s after its end: whoever stores a point of a closed window notes it (`markLate`), and the window is
 * made anew. Closing waits for the writers that do not know of it yet, and nothing else does: so the long statements that
 * make the rollups keep nobody waiting.
 */
export interface RollupProgress {
  readonly closedUntil: Date;
  readonly minutesUntil: Date;
  readonly hoursUntil: Date;
  /** Minutes before it are stored in the order of their series. */
  readonly orderedUntil: Date;
}

export interface RollupPartitions {
  readonly raw: TimePartitions;
  readonly minutes: TimePartitions;
  readonly hours: TimePartitions;
}

const MINUTE = 60_000;
const HOUR = 3_600_000;
const MINUTE_STEP = `interval '1 minute'`;
const HOUR_STEP = `interval '1 hour'`;

/** Windows of a transaction: it stays short also when there is a night to catch up with. */
const MINUTES_AT_ONCE = 5;
const LATE_WINDOWS_AT_ONCE = 50;

/** Makes the rollups of one table of raw points. Several replicas may: they take turns. */
export class Rollups {
  constructor(
    private readonly dataSource: Pick<DataSource, 'query'>,
    private readonly transactions: Transactions,
    private readonly table: PointTable,
    private readonly partitions: RollupPartitions,
    /** Milliseconds for which points are kept. */
    private readonly rawKept: number,
  ) {}

  /** Closes what is due, rolls up what is closed, mends what has changed. @returns windows made */
  async pass(signal?: AbortSignal): Promise<number> {
    await this.close();
    let windows = 0;
    for (let made = 1; made > 0; windows += made) {
      signal?.throwIfAborted();
      made = await this.rollMinutes();
    }
    for (let made = 1; made > 0; windows += made) {
      signal?.throwIfAborted();
      made = await this.rollHour();
    }
    for (let made = 1; made > 0; windows += made) {
      signal?.throwIfAborted();
      made = await this.mendLate();
    }
    while (await this.orderHour(signal)) signal?.throwIfAborted();
    return windows;
  }

  async progress(): Promise<RollupProgress> {
    const [row] = await this.transactions.query<ProgressRow>(`${PROGRESS} WHERE raw = $1`, [this.table.raw]);
    return toProgress(row!);
  }

  /**
   * Moves `closed_until` on, unless a writer holds it up for more than 50 ms: then at the next pass. One message, so that the
   * lock is let go without this process.
   */
  private async close(): Promise<void> {
    try {
      await this.dataSource.query(`
        SET LOCAL lock_timeout = 50;
        SELECT pg_advisory_xact_lock(${closingLock(this.table)});
        UPDATE telemetry_rollups
           SET closed_until = greatest(closed_until, date_bin(${MINUTE_STEP}, clock_timestamp() - interval '30 seconds', 'epoch'))
         WHERE raw = '${this.table.raw}'`);
    } catch (error) {
      if ((error as { code?: string }).code !== '55P03') throw error;
    }
  }

  private rollMinutes(): Promise<number> {
    return this.inTurn(async ({ closedUntil, minutesUntil }) => {
      const from = Math.max(+minutesUntil, minuteOf(+closedUntil - this.rawKept));
      const to = Math.min(from + MINUTES_AT_ONCE * MINUTE, +closedUntil);
      if (from >= to) return 0;
      await this.storeMinutes(from, to);
      await this.transactions.query(`UPDATE telemetry_rollups SET minutes_until = $2 WHERE raw = $1`, [
        this.table.raw,
        new Date(to),
      ]);
      return (to - from) / MINUTE;
    });
  }

  private rollHour(): Promise<number> {
    return this.inTurn(async ({ minutesUntil, hoursUntil }) => {
      const end = Math.floor(+minutesUntil / HOUR) * HOUR;
      const from = Math.max(+hoursUntil, end - this.rawKept);
      if (from >= end) return 0;
      await this.storeHour(from);
      await this.transactions.query(`UPDATE telemetry_rollups SET hours_until = $2 WHERE raw = $1`, [
        this.table.raw,
        new Date(from + HOUR),
      ]);
      return 1;
    });
  }

  /** @returns whether there was one */
  private async orderHour(signal?: AbortSignal): Promise<boolean> {
    const { orderedUntil, hoursUntil } = await this.progress();
    const from = new Date(Math.max(+orderedUntil, +hoursUntil - this.rawKept));
    const to = new Date(+from + HOUR);
    if (to > hoursUntil) return false;
    const query = <Row>(sql: string, values: unknown[]) => this.transactions.query<Row>(sql, values);
    await orderMinutes(this.table, { from, to }, query, (work) => this.inTurn(work), signal);
    await this.transactions.query(
      `UPDATE telemetry_rollups SET ordered_until = greatest(ordered_until, $2) WHERE raw = $1`,
      [this.table.raw, to],
    );
    return true;
  }

  /** Makes windows anew in which a point has come late; and those of the points that follow, which grew from another one. */
  private mendLate(): Promise<number> {
    return this.inTurn(async ({ closedUntil, minutesUntil, hoursUntil }) => {
      const late = await this.transactions.query<{ key: number; at: Date }>(
        `WITH windows AS (SELECT at FROM telemetry_late WHERE raw = $1 AND at < $2 GROUP BY at ORDER BY at LIMIT $3),
              gone AS (DELETE FROM telemetry_late AS l USING windows WHERE l.raw = $1 AND l.at = windows.at RETURNING l.key, l.at)
         SELECT key, at FROM gone ORDER BY at, key`,
        [this.table.raw, minutesUntil < closedUntil ? minutesUntil : closedUntil, LATE_WINDOWS_AT_ONCE],
      );
      if (late.length === 0) return 0;
      const mended = new WindowSet();
      for (const { key, at } of late) mended.add(+at, key);
      for (const [at, keys] of [...mended]) {
        for (const next of await this.windowsAfter(at, keys))
          if (next.at < minutesUntil) mended.add(+next.at, next.key);
      }
      const hours = new WindowSet();
      for (const [at, keys] of mended) {
        await this.storeMinutes(at, at + MINUTE, keys);
        const hour = Math.floor(at / HOUR) * HOUR;
        if (hour < +hoursUntil) for (const key of keys) hours.add(hour, key);
      }
      for (const [hour, keys] of hours) await this.storeHour(hour, keys);
      return mended.size + hours.size;
    });
  }

  private async windowsAfter(at: number, keys: number[]): Promise<{ key: number; at: Date }[]> {
    const { raw, key } = this.table;
    return this.transactions.query(
      `SELECT late.key, date_bin(${MINUTE_STEP}, next.at, 'epoch') AS at
         FROM unnest($2::int[]) AS late (key)
         CROSS JOIN LATERAL (SELECT at FROM ${raw} WHERE ${key} = late.key AND at >= $1 AND at < $1 + interval '${LOOKBACK} milliseconds'
                              ORDER BY at LIMIT 1) AS next`,
      [new Date(at + MINUTE), keys],
    );
  }

  private async storeMinutes(from: number, to: number, keys?: number[]): Promise<void> {
    await this.partitions.minutes.ensure(new Date(from), new Date(to - 1));
    const sources = keys ? undefined : await this.sourcesOf(from, to);
    const where = { ...whereOf(MINUTE_STEP, keys), sources };
    const select = fromPoints(this.table, this.table.columns, where);
    await this.store(this.table.minutes, select, from, to, keys);
  }

  /**
   * The partitions that hold the points. Who reads the table as a whole is waited for by whoever drops any of its partitions:
   * with 800,000 points to a minute it took 8 s until a day could be dropped, and takes half a second.
   */
  private async sourcesOf(from: number, to: number): Promise<PointSources> {
    const kept = await this.partitions.raw.kept();
    const between = (begin: number, end: number): string =>
      pointsIn(
        this.table,
        kept.filter((partition) => +partition.from < end && +partition.to > begin).map(({ name }) => name),
      );
    const near = from - NEAR;
    return { due: between(from, to), near: between(near, from), far: between(from - LOOKBACK, near) };
  }

  private async storeHour(from: number, keys?: number[]): Promise<void> {
    await this.partitions.hours.ensure(new Date(from), new Date(from));
    const { minutes, columns } = this.table;
    const select = fromRollups(this.table, minutes, columns, whereOf(HOUR_STEP, keys));
    await this.store(this.table.hours, select, from, from + HOUR, keys);
  }

  private async store(
    rollup: string,
    select: string,
    from: number,
    to: number,
    keys?: number[],
  ): Promise<void> {
    const range = [new Date(from), new Date(to)];
    await this.transactions.query(upsert(this.table, rollup, select), keys ? [...range, keys] : range);
  }

  private inTurn(work: (progress: RollupProgress) => Promise<number>): Promise<number> {
    return this.transactions.run(async () => {
      const [row] = await this.transactions.query<ProgressRow>(`${PROGRESS} WHERE raw = $1 FOR UPDATE`, [
        this.table.raw,
      ]);
      return work(toProgress(row!));
    });
  }
}

const PROGRESS = 'SELECT closed_until, minutes_until, hours_until, ordered_until FROM telemetry_rollups';

interface ProgressRow {
  closed_until: Date;
  minutes_until: Date;
  hours_until: Date;
  ordered_until: Date;
}

function toProgress(row: ProgressRow): RollupProgress {
  return {
    closedUntil: row.closed_until,
    minutesUntil: row.minutes_until,
    hoursUntil: row.hours_until,
    orderedUntil: row.ordered_until,
  };
}

function whereOf(step: string, keys?: number[]): Where {
  return { from: '$1::timestamptz', to: '$2::timestamptz', step, ...(keys && { keys: '$3::int[]' }) };
}

function minuteOf(instant: number): number {
  return Math.floor(instant / MINUTE) * MINUTE;
}

/** Windows, by their start, with the keys of each. */
class WindowSet implements Iterable<[at: number, keys: number[]]> {
  private readonly windows = new Map<number, Set<number>>();

  get size(): number {
    return this.windows.size;
  }

  add(at: number, key: number): void {
    const keys = this.windows.get(at);
    if (keys) keys.add(key);
    else this.windows.set(at, new Set([key]));
  }

  *[Symbol.iterator](): Iterator<[number, number[]]> {
    for (const [at, keys] of this.windows) yield [at, [...keys]];
  }
}
