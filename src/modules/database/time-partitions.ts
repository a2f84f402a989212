import { Logger } from '@nestjs/common';
import { type DataSource } from 'typeorm';
import { type Duration, parseDuration } from '../../core/timing/duration.js';
import { InvalidInputError } from '../input/input.errors.js';
import { sleep } from '../../core/timing/timer.js';

export interface TimePartitionsOptions {
  /** A table that is partitioned by range of one `timestamptz` column, and has no DEFAULT partition. */
  table: string;
  /** Length of time that a partition holds, such as `'1h'`; partitions begin at multiples of it from the epoch, in UTC. */
  width: Duration;
  /** Age at which a partition goes: when all that it may hold is older. */
  keep: Duration;
  /** How far ahead of now there are partitions. Default two widths, so that a worker may miss a turn. */
  ahead?: Duration | undefined;
  /** Most bytes of all of them with their indexes; above, the oldest go. The one for now stays. Default: no limit. */
  maxBytes?: number | undefined;
}

/** What a table is made of. */
export interface TimePartition {
  readonly name: string;
  /** The first instant that it holds, and the first that it does not. */
  readonly from: Date;
  readonly to: Date;
  /** With indexes, by the database. */
  readonly bytes: number;
}

/** What a pass has changed. */
export interface PartitionPass {
  readonly made: readonly string[];
  readonly dropped: readonly DroppedPartition[];
  /** Were due, and in use all the time. The next pass tries again. */
  readonly inUse: readonly string[];
}

export interface DroppedPartition extends TimePartition {
  readonly reason: 'age' | 'size';
}

/**
 * Everybody who wants the table waits behind a lock that is waited for. A plain DROP behind a reader of 3 s kept inserts
 * waiting for 2.7 s; so it waits for 50 ms at most, and comes again.
 */
const TABLE_LOCK_MS = 40;
const PARTITION_LOCK_MS = 10;
const ATTEMPTS = 40;

/** This many at a time, for one wait for the table: it is locked for about a millisecond more for each. */
const DROPPED_AT_ONCE = 12;
/** Of several at a time. When one of them stays in use they are tried one by one. */
const ATTEMPTS_TOGETHER = 10;
/** The longest that others wait for the table while several partitions are dropped. */
const TOGETHER_MS = 60;

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

/** lock_not_available, deadlock_detected, and query_canceled by the timeout of a drop. */
const IN_USE = new Set(['55P03', '40P01', '57014']);

/** This many at a time, so that a table without maintenance for a year is not locked for all of it at once. */
const MOST_AHEAD = 1_000;

/**
 * Partitions of a table by time: made ahead, dropped when they are old or too much. Dropping a partition takes
 * milliseconds where a DELETE of its rows takes minutes, and leaves nothing to vacuum.
 *
 * There must be no DEFAULT partition: making another would then read it, under a lock. Rows of an instant without a
 * partition are refused by PostgreSQL (23514).
 *
 * Several replicas may run passes at the same time.
 */
export class TimePartitions {
  private readonly logger = new Logger('TimePartitions');
  private readonly width: number;
  private readonly keep: number;
  private readonly ahead: number;
  /** Starts of partitions that were there when they were looked for. */
  private readonly ensured = new Set<number>();

  constructor(
    private readonly dataSource: Pick<DataSource, 'query'>,
    private readonly options: TimePartitionsOptions,
  ) {
    this.width = parseDuration(options.width);
    this.keep = parseDuration(options.keep);
    this.ahead = parseDuration(options.ahead ?? 2 * this.width);
    const faults: string[] = [];
    if (!/^[a-z_][a-z0-9_]{0,39}$/.test(options.table))
      faults.push(`table: "${options.table}" is no name of at most 40 of a-z, 0-9 and "_"`);
    if (this.width < 60_000 || this.width % 60_000 !== 0)
      faults.push(`width: ${options.width} is not a whole number of minutes`);
    if (this.ahead / this.width > MOST_AHEAD)
      faults.push(`ahead: ${this.options.ahead} are more than ${MOST_AHEAD} partitions`);
    if (faults.length > 0) throw new InvalidInputError('set of partitions', faults);
  }

  /**
   * Makes what is missing ahead, then drops what is due.
   * @param signal ends it between two partitions
   */
  async maintain(signal?: AbortSignal): Promise<PartitionPass> {
    const made = await this.makeAhead(signal);
    return { made, ...(await this.dropDue(signal)) };
  }

  /** Makes the partitions from now to `ahead`. Call it before the first row comes. @returns names of the new ones */
  async makeAhead(signal?: AbortSignal): Promise<string[]> {
    const now = await this.now();
    return this.make(now, now + this.ahead, signal);
  }

  /**
   * Makes those for instants of the past, as far as they are kept.
   * @returns names of the new ones
   */
  async makeFor(from: Date, to: Date, signal?: AbortSignal): Promise<string[]> {
    const now = await this.now();
    return this.make(Math.max(+from, now - this.keep), Math.min(+to, now + this.ahead), signal);
  }

  /**
   * Makes sure that there are those for these instants, as far as they are kept; asks the database only for what it
   * has not seen before. To be called right before rows are written.
   */
  async ensure(from: Date, to: Date = from, signal?: AbortSignal): Promise<void> {
    const starts: number[] = [];
    for (let start = this.startOf(+from); start <= +to; start += this.width) starts.push(start);
    if (starts.every((start) => this.ensured.has(start))) return;
    await this.makeFor(from, to, signal);
    if (this.ensured.size > MOST_AHEAD) this.ensured.clear();
    for (const start of starts) this.ensured.add(start);
  }

  /** All of them, the oldest first. */
  async list(): Promise<TimePartition[]> {
    const rows: { name: string; from: number | null; to: number | null; bytes: number }[] =
      await this.dataSource.query(
        `SELECT relname AS name, bytes::float8 AS bytes,
                ${milliseconds('bounds[1]::timestamptz')} AS "from", ${milliseconds('bounds[2]::timestamptz')} AS "to"
           FROM (SELECT c.relname, coalesce(pg_total_relation_size(c.oid), 0) AS bytes,
                        regexp_match(pg_get_expr(c.relpartbound, c.oid), $2) AS bounds
                   FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                  WHERE i.inhparent = $1::regclass AND NOT i.inhdetachpending) AS partition
          ORDER BY "from"`,
        [this.options.table, String.raw`FROM \('([^']+)'\) TO \('([^']+)'\)`],
      );
    // One without bounds in time (MINVALUE) was made by hand, and is never dropped.
    return rows.flatMap(({ name, from, to, bytes }) =>
      from !== null && to !== null ? [{ name, from: new Date(from), to: new Date(to), bytes }] : [],
    );
  }

  /** Those whose age does not make them due, the oldest first. Reading these by name does not block the drop of the others. */
  async kept(): Promise<TimePartition[]> {
    const now = await this.now();
    return (await this.list()).filter((partition) => !this.isOld(partition, now));
  }

  private isOld({ to }: TimePartition, now: number): boolean {
    return +to <= now - this.keep;
  }

  private async dropDue(signal?: AbortSignal): Promise<Omit<PartitionPass, 'made'>> {
    const dropped: DroppedPartition[] = [];
    const inUse: string[] = [];
    const due = await this.due();
    for (let first = 0; first < due.length; first += DROPPED_AT_ONCE) {
      const some = due.slice(first, first + DROPPED_AT_ONCE);
      if (some.length > 1 && (await this.drop(some, ATTEMPTS_TOGETHER, signal))) {
        dropped.push(...some);
        continue;
      }
      for (const partition of some) {
        signal?.throwIfAborted();
        if (await this.drop([partition], ATTEMPTS, signal)) dropped.push(partition);
        else inUse.push(partition.name);
      }
    }
    if (inUse.length > 0)
      this.logger.warn(`Not dropped, as they were in use all the time: ${inUse.join(', ')}`);
    return { dropped, inUse };
  }

  private async due(): Promise<DroppedPartition[]> {
    const now = await this.now();
    const all = await this.list();
    let bytes = all.reduce((sum, partition) => sum + partition.bytes, 0);
    const due: DroppedPartition[] = [];
    for (const partition of all) {
      const old = this.isOld(partition, now);
      const tooMuch = bytes > (this.options.maxBytes ?? Infinity) && +partition.to <= now;
      if (!old && !tooMuch) break;
      due.push({ ...partition, reason: old ? 'age' : 'size' });
      bytes -= partition.bytes;
    }
    return due;
  }

  /** @returns whether they are gone */
  private async drop(
    partitions: readonly TimePartition[],
    attempts: number,
    signal?: AbortSignal,
  ): Promise<boolean> {
    signal?.throwIfAborted();
    const { table } = this.options;
    // One message, so that PostgreSQL ends the transaction at once and not when this process gets around to it. The
    // table is locked first, as whoever reads it comes by way of it.
    const drop = `
      SET LOCAL lock_timeout = ${TABLE_LOCK_MS};
      LOCK TABLE ONLY ${table} IN ACCESS EXCLUSIVE MODE;
      SET LOCAL lock_timeout = ${PARTITION_LOCK_MS};
      ${partitions.length > 1 ? `SET LOCAL statement_timeout = ${TOGETHER_MS};` : ''}
      DROP TABLE IF EXISTS ${partitions.map(({ name }) => name).join(', ')}`;
    return this.unlessInUse(drop, attempts, signal);
  }

  private async make(from: number, to: number, signal?: AbortSignal): Promise<string[]> {
    const there = await this.list();
    // One that was made by a migration may hold more than a width.
    const holds = (start: number) =>
      there.some((partition) => +partition.from < start + this.width && +partition.to > start);
    const made: string[] = [];
    for (let start = this.startOf(from); start <= to; start += this.width) {
      if (holds(start)) continue;
      signal?.throwIfAborted();
      if (await this.makeOne(start, signal)) made.push(this.nameOf(start));
    }
    return made;
  }

  /**
   * A table like the parent is made, and attached: which takes no lock that readers and writers mind, where CREATE
   * TABLE … PARTITION OF takes one that excludes them. An advisory lock keeps two replicas from making the same one.
   */
  private async makeOne(start: number, signal?: AbortSignal): Promise<boolean> {
    const { table } = this.options;
    const name = this.nameOf(start);
    const [from, to] = [start, start + this.width].map((instant) => new Date(instant).toISOString());
    const make = `
      SET LOCAL lock_timeout = ${TABLE_LOCK_MS};
      DO $$ BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('time-partitions'), hashtext('${table}'));
        IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass('${name}')) THEN RETURN; END IF;
        CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL EXCLUDING IDENTITY);
        ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}');
      END $$`;
    if (await this.unlessInUse(make, ATTEMPTS, signal)) return true;
    throw new Error(`The partition ${name} could not be made: ${table} was locked all the time`);
  }

  private async unlessInUse(statement: string, attempts: number, signal?: AbortSignal): Promise<boolean> {
    for (let attempt = 1, pause = FIRST_PAUSE_MS; attempt <= attempts; attempt++) {
      try {
        await this.dataSource.query(statement);
        return true;
      } catch (error) {
        const { code, driverError } = error as { code?: string; driverError?: { code?: string } };
        if (!IN_USE.has(code ?? driverError?.code ?? '')) throw error;
        await sleep(pause * (0.5 + Math.random()), signal);
        pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS);
      }
    }
    return false;
  }

  private startOf(instant: number): number {
    return Math.floor(instant / this.width) * this.width;
  }

  /** Such as `readings_20261125t2100`. */
  private nameOf(start: number): string {
    const digits = new Date(start).toISOString().replace(/[-:]/g, '').slice(0, 13).toLowerCase();
    return `${this.options.table}_${digits}`;
  }

  /** By the database's clock, which is the one that all replicas have in common. */
  private async now(): Promise<number> {
    const [row] = await this.dataSource.query<{ now: number }[]>(
      `SELECT ${milliseconds('clock_timestamp()')} AS now`,
    );
    return row!.now;
  }
}

/** As a number, since `pg` reads a date only as the default DateStyle has it. */
function milliseconds(instant: string): string {
  return `(extract(epoch FROM ${instant}) * 1000)::float8`;
}
