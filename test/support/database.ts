import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** A database of one test file, on the server of the run. */
export interface TestDatabase {
  url: string;
  /** Ends the sessions that are still on it, and removes it. */
  drop(): Promise<void>;
}

/** What databases are copied from. Made once per run, by whichever test file comes first. */
export interface DatabaseTemplate {
  /** Lower case letters, digits, - and _. The same name means the same template for all files of a run. */
  name: string;
  /** Fills it, such as by running migrations. Must close its connections: none may be open while it is copied. */
  prepare: (url: string) => Promise<void>;
}

/** A new database: a copy of the template (about 20 ms), or an empty one. */
export async function createTestDatabase(template?: DatabaseTemplate): Promise<TestDatabase> {
  const source = template ? await madeTemplate(template) : 'template0';
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer((client) =>
    client.query(`CREATE DATABASE ${name} TEMPLATE ${pg.escapeIdentifier(source)} STRATEGY file_copy`),
  );
  return {
    url: urlOf(name),
    drop: async () => {
      await onServer((client) => drop(client, name));
    },
  };
}

/**
 * A pool that has ended, or a process that was killed, may still have sessions that are about to end. Ended by force,
 * they tell their pool an error that nobody listens for any more: a spec failed of it. So they get two seconds.
 */
async function drop(client: pg.Client, name: string): Promise<void> {
  await client.query(`
    DO $$BEGIN
      FOR turn IN 1..100 LOOP
        EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '${name}');
        PERFORM pg_sleep(0.02), pg_stat_clear_snapshot();
      END LOOP;
    END$$`);
  await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

/**
 * The template's database, made if it is missing. It gets its name when it is ready, under a lock: Jest runs
 * test files in several processes.
 */
function madeTemplate({ name, prepare }: DatabaseTemplate): Promise<string> {
  const database = `template_${name}`;
  return onServer(async (client) => {
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [database]);
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [database]);
    if (rowCount === 0) {
      const draft = pg.escapeIdentifier(`${database}_draft`);
      await client.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
      await client.query(`CREATE DATABASE ${draft} TEMPLATE template0 STRATEGY file_copy`);
      await prepare(urlOf(`${database}_draft`));
      await client.query(`ALTER DATABASE ${draft} RENAME TO ${pg.escapeIdentifier(database)}`);
    }
    return database;
    // The lock goes with the connection.
  });
}

async function onServer<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function urlOf(database: string): string {
  const url = new URL(serverUrl());
  url.pathname = `/${database}`;
  return url.href;
}

function serverUrl(): string {
  const url = process.env.TEST_POSTGRES_URL;
  if (!url)
    throw new Error(
      'TEST_POSTGRES_URL is not set: run the tests by Jest with the config of this repository.',
    );
  return url;
}
