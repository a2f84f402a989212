import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

/** One statement on a connection of its own, as `psql` would. */
export async function query<Row extends pg.QueryResultRow>(
  url: string,
  sql: string,
  values?: unknown[],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

/** URL of the PostgreSQL that an app runs in its data directory, found as a user finds it. */
export async function embeddedDatabase(dataDirectory: string): Promise<string> {
  return (await readFile(join(dataDirectory, 'postgres.url'), 'utf8')).trim();
}
