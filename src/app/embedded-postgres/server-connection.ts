import { realpath } from 'node:fs/promises';
import pg from 'pg';
import { SUPERUSER, type Cluster } from './cluster.js';

/** Milliseconds. On the loopback interface only a server that hangs takes that long. */
const ANSWER_TIMEOUT = 2_000;

/** `postgres://user:password@127.0.0.1:port/database`. A secret. */
export function urlOf({ password }: Cluster, port: number, database: string): string {
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}

/** What a running server says of itself. */
export interface ServerAnswer {
  /** Whether it runs this very cluster. */
  ours: boolean;
  /** Such as `18.4`. */
  version: string;
}

/**
 * Asks who listens there.
 * @throws what the driver says when nobody does, the password is refused, or no answer comes
 */
export async function askServer(cluster: Cluster, port: number): Promise<ServerAnswer> {
  const sql = `SELECT current_setting('data_directory') AS data, current_setting('server_version') AS version`;
  const url = urlOf(cluster, port, 'postgres');
  const [answer] = await query<{ data: string; version: string }>(url, sql, [], ANSWER_TIMEOUT);
  const [theirs, ours] = await Promise.all(
    [answer?.data ?? '', cluster.files.data].map((path) => realpath(path).catch(() => path)),
  );
  return { ours: theirs === ours, version: answer?.version.split(' ')[0] ?? '' };
}

/** Whether that is how the server says that the password is wrong. */
export function isRefusedPassword(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '28P01';
}

/** Creates the database if it is missing. */
export async function makeDatabase(cluster: Cluster, port: number, database: string): Promise<void> {
  const url = urlOf(cluster, port, 'postgres');
  const found = await query(url, 'SELECT FROM pg_database WHERE datname = $1', [database]);
  if (found.length === 0) await query(url, `CREATE DATABASE ${pg.escapeIdentifier(database)}`);
}

async function query<Row extends pg.QueryResultRow>(
  url: string,
  sql: string,
  values?: unknown[],
  timeout?: number,
): Promise<Row[]> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: ANSWER_TIMEOUT,
    query_timeout: timeout,
    // A socket that breaks while idle would end the process otherwise.
  }).on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    // Not awaited: a server that hangs never says goodbye.
    void client.end().catch(() => undefined);
  }
}
