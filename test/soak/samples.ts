import { readdir, readFile } from 'node:fs/promises';
import { query } from '../support/query.js';

/** What the app and its database hold at a moment. */
export interface Sample {
  /** Seconds since the start. */
  at: number;
  /** Resident memory of the app. */
  rssMb: number;
  /** Files and sockets that it has open. */
  handles: number;
  threads: number;
  /** To the database, those of the app. */
  connections: number;
  /** Tables with their indexes, by name; those of a day are one with their parent. */
  tables: Record<string, { rows: number; mb: number }>;
}

const MB = 1_048_576;

/** @throws Error when the database does not answer, or the process is gone */
export async function takeSample(pid: number, databaseUrl: string, at: number): Promise<Sample> {
  const [status, handles, database] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readdir(`/proc/${pid}/fd`),
    query<{ connections: number; name: string; rows: number; bytes: number }>(databaseUrl, STATEMENT),
  ]);
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)![1]);
  return {
    at,
    rssMb: field('VmRSS') / 1_024,
    handles: handles.length,
    threads: field('Threads'),
    connections: database[0]?.connections ?? 0,
    tables: Object.fromEntries(
      database.map(({ name, rows, bytes }) => [name, { rows: Number(rows), mb: Number(bytes) / MB }]),
    ),
  };
}

const STATEMENT = `
  WITH tables AS (
    SELECT COALESCE(i.inhparent, c.oid)::regclass AS name, s.n_live_tup AS rows, pg_total_relation_size(c.oid) AS bytes
    FROM pg_class c
    JOIN pg_stat_user_tables s ON s.relid = c.oid
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    WHERE c.relkind = 'r'
  )
  SELECT name::text, sum(rows)::float8 AS rows, sum(bytes)::float8 AS bytes,
    (SELECT count(*)::int FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()) AS connections
  FROM tables GROUP BY name ORDER BY name`;
