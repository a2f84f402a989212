import { Injectable } from '@nestjs/common';
import { storableJson } from '../database/text.js';
import { Transactions } from '../database/transaction.js';
import { type EventId, newId, type TenantId } from '../ids/typed-id.js';
import { type NewEvent, type StoredEvent } from './event.js';
import { Snapshot } from './snapshot.js';

/** A place between two events in the order in which they are delivered. */
export interface LogPosition {
  /** The publishing transaction. */
  readonly xact: bigint;
  readonly seq: bigint;
}

/** An event, and where it stands. */
export interface LogEntry extends LogPosition {
  readonly event: StoredEvent;
}

/** Entries after a position, and the position to go on from. */
export interface LogPage {
  readonly entries: LogEntry[];
  readonly next: LogPosition;
}

interface EventRow {
  id: EventId;
  seq: string;
  xact: string;
  type: string;
  tenant_id: TenantId | null;
  payload: Record<string, unknown>;
  created_at: Date;
}

const COLUMNS = 'id, seq, xact::text AS xact, type, tenant_id, payload, created_at';

/** The table `events`: only ever added to. Every statement on it is here. */
@Injectable()
export class EventLog {
  constructor(private readonly transactions: Transactions) {}

  /** Adds the event, in the current transaction if there is one. */
  async append({ type, tenantId, payload }: NewEvent): Promise<StoredEvent> {
    const [row] = await this.transactions.query<EventRow>(
      `INSERT INTO events (id, type, tenant_id, payload) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
      [newId('event'), type, tenantId ?? null, storableJson(payload)],
    );
    return toEntry(row!).event;
  }

  /** Up to `limit` entries from the newest on, or from the one with the number `before` (exclusive). */
  async newest(
    { type, tenantId, before }: { type?: string; tenantId?: TenantId; before?: bigint },
    limit: number,
  ): Promise<LogEntry[]> {
    const rows = await this.transactions.query<EventRow>(
      `SELECT ${COLUMNS} FROM events
        WHERE ($1::text IS NULL OR type = $1)
          AND ($2::text IS NULL OR tenant_id = $2)
          AND ($3::bigint IS NULL OR seq < $3)
        ORDER BY seq DESC
        LIMIT $4`,
      [type ?? null, tenantId ?? null, before?.toString() ?? null, limit],
    );
    return rows.map(toEntry);
  }

  /**
   * Entries after the position, up to the first transaction that has not ended: one with a smaller number
   * may commit later, and would be passed over if the reader had gone on. So a long writing transaction of
   * this database delays what is published after it began, and loses nothing.
   *
   * Snapshots are of the whole server. A transaction is passed over only when the catalogs, which are read after the
   * snapshot was taken, show that it is active in another database; one that has ended meanwhile is waited for once more.
   */
  async after(position: LogPosition, types: readonly string[] | null, limit: number): Promise<LogPage> {
    const rows = await this.transactions.query<
      { horizon: string } & (EventRow | { [K in keyof EventRow]: null })
    >(
      `WITH elsewhere AS MATERIALIZED (
         SELECT backend_xid AS xid FROM pg_stat_activity
          WHERE backend_xid IS NOT NULL AND datname IS DISTINCT FROM current_database() AND datid IS NOT NULL
         UNION ALL
         SELECT transaction FROM pg_prepared_xacts WHERE database <> current_database()
       ), ended AS (
         SELECT coalesce(
           (SELECT xact FROM pg_snapshot_xip(pg_current_snapshot()) AS running (xact)
             WHERE xact::xid NOT IN (SELECT xid FROM elsewhere) ORDER BY xact LIMIT 1),
           pg_snapshot_xmax(pg_current_snapshot())
         ) AS horizon
       )
       SELECT horizon::text AS horizon, entry.* FROM ended LEFT JOIN LATERAL (
         SELECT ${COLUMNS} FROM events
          WHERE (events.xact, events.seq) > ($1::text::xid8, $2::bigint)
            AND events.xact < ended.horizon
            AND ($3::text[] IS NULL OR type = ANY ($3))
          ORDER BY events.xact, events.seq
          LIMIT $4
       ) entry ON true
       ORDER BY entry.xact::xid8, entry.seq`,
      [position.xact.toString(), position.seq.toString(), types, limit],
    );
    const entries = rows.filter((row) => row.id !== null).map((row) => toEntry(row as EventRow));
    if (entries.length === limit) return { entries, next: entries.at(-1)! };
    // A page that is not full has seen everything below the horizon, other types included. The horizon can be before the
    // position: a transaction of another database that was passed over has ended between snapshot and catalogs, and is waited for.
    const horizon = { xact: BigInt(rows[0]!.horizon), seq: 0n };
    return { entries, next: horizon.xact > position.xact ? horizon : position };
  }

  /** Which transactions have ended by now. */
  async snapshot(): Promise<Snapshot> {
    const [row] = await this.transactions.query<{ snapshot: string; own: string | null }>(
      `SELECT pg_current_snapshot()::text AS snapshot, pg_current_xact_id_if_assigned()::text AS own`,
    );
    return Snapshot.parse(row!.snapshot, row!.own);
  }

  /**
   * Takes entries out of delivery that a dump of another server brought along: what is visible and yet
   * numbered above every transaction of this server would be told as news once its counter gets there.
   */
  async retireRestored(): Promise<void> {
    await this.transactions.query(
      `UPDATE events SET xact = '3'::xid8 WHERE xact >= pg_snapshot_xmax(pg_current_snapshot())`,
    );
  }
}

function toEntry(row: EventRow): LogEntry {
  const { id, type, tenant_id: tenantId, payload, created_at: createdAt } = row;
  return {
    xact: BigInt(row.xact),
    seq: BigInt(row.seq),
    event: { id, type, tenantId: tenantId ?? undefined, payload, createdAt },
  };
}
