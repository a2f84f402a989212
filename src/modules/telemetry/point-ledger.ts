import type pg from 'pg';
import { type DataSource } from 'typeorm';
import { type LostPoints } from './telemetry.store.js';
import { startTimer, type Timer } from '../../core/timing/timer.js';

/** Since the start of the process. */
export interface PointTotals {
  readonly taken: number;
  /** But for those that are being stored now. */
  readonly stored: number;
  readonly dropped: number;
}

/** So often at most is it written what was taken. */
const ANNOUNCE_EVERY_MS = 100;

/** A process that has points to store writes at least every 5 s, unless the database is away: for everybody, then. */
const SILENT_FOR = `interval '30 seconds'`;

/**
 * What a process has taken and stored of a table's points, in the database, so that another one can say how many were lost when
 * this one was killed. What is taken is written at once; what is stored, in the transaction that stores it. So what was taken
 * less than a tenth of a second before the end may be missing in the figure, and nothing else.
 *
 * A process that is silent for 30 s with points to store is suspected, and given up 30 s later if it still is: when the database
 * was away, all have been silent.
 */
export class PointLedger {
  private timer?: Timer;
  private again = false;

  constructor(
    private readonly dataSource: Pick<DataSource, 'query'>,
    /** Name of this process, and of the table. */
    private readonly name: { readonly writer: string; readonly raw: string },
    private readonly totals: () => PointTotals,
  ) {}

  /** Points were taken or dropped. Never waits, and never fails. */
  took(): void {
    if (this.timer) {
      this.again = true;
      return;
    }
    this.again = false;
    this.timer = startTimer(
      () => {
        this.timer = undefined;
        if (this.again) this.took();
      },
      ANNOUNCE_EVERY_MS,
      true,
    );
    const { sql, values } = this.statement(0);
    // The database may be away: what is taken is written with what is stored when it is back.
    this.dataSource.query(sql, values).catch(() => {});
  }

  /** Points are being stored. In that transaction. */
  async stores(client: pg.ClientBase, points: number): Promise<void> {
    const { sql, values } = this.statement(points);
    await client.query(sql, values);
  }

  private statement(stored: number): { sql: string; values: unknown[] } {
    const { taken, stored: before, dropped } = this.totals();
    return {
      sql: `
        INSERT INTO telemetry_writers AS known (writer, raw, taken, stored, dropped, seen_at)
        VALUES ($1, $2, $3, $4, $5, clock_timestamp())
        ON CONFLICT (writer, raw) DO UPDATE SET
          taken = greatest(known.taken, EXCLUDED.taken), stored = known.stored + $6::bigint,
          dropped = greatest(known.dropped, EXCLUDED.dropped), seen_at = clock_timestamp(), suspected_at = NULL`,
      values: [
        this.name.writer, this.name.raw, taken, before + stored, dropped, stored,
      ],
    }; // prettier-ignore
  }
}

/** Suspects processes that are silent, and gives up those that were suspected before. Each is told to one caller. */
export async function takeLostPoints(dataSource: Pick<DataSource, 'query'>): Promise<LostPoints[]> {
  await dataSource.query(`
    UPDATE telemetry_writers SET suspected_at = clock_timestamp()
     WHERE suspected_at IS NULL AND taken > stored + dropped AND seen_at < clock_timestamp() - ${SILENT_FOR}`);
  const [gone] = await dataSource.query<[{ writer: string; raw: string; lost: number }[], number]>(`
    DELETE FROM telemetry_writers
     WHERE suspected_at < clock_timestamp() - ${SILENT_FOR}
        OR (taken <= stored + dropped AND seen_at < clock_timestamp() - interval '1 day')
    RETURNING writer, raw, greatest(taken - stored - dropped, 0)::float8 AS lost`);
  const lost = new Map<string, LostPoints>();
  for (const { writer, raw, lost: points } of gone) {
    if (points === 0) continue;
    const { readings, samples } = lost.get(writer) ?? { readings: 0, samples: 0 };
    const isReading = raw === 'resource_snapshots';
    lost.set(writer, {
      writer,
      readings: readings + (isReading ? points : 0),
      samples: samples + (isReading ? 0 : points),
    });
  }
  return [...lost.values()];
}
