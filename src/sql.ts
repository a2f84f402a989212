import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { loadAppConfig, PACKAGE_ROOT } from './app/config/app-config.js';
import { defaultDataDirectory } from './app/data-directory/index.js';
import { endWithoutReader } from './app/quiet-pipe.js';
import { messageOf } from './core/text/describe-error.js';

/** `npm run sql -- "SELECT …"`: one statement on the database of the reference app that runs here. */
async function sql(statement: string | undefined): Promise<void> {
  if (!statement) throw new Error('Give a statement: npm run sql -- "SELECT name FROM workloads"');
  const { databaseUrl, dataDir } = loadAppConfig();
  const client = new pg.Client({ connectionString: databaseUrl ?? (await embeddedUrl(dataDir)) });
  await client.connect();
  try {
    const { rows, rowCount, command } = await client.query<Record<string, unknown>>(statement);
    for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
    process.stdout.write(`${command} ${rowCount ?? ''}\n`);
  } finally {
    await client.end();
  }
}

/** As the app writes it; where that is differs for root in a clone that is closed to others. */
async function embeddedUrl(dataDir: string | undefined): Promise<string> {
  const file = join(dataDir ?? (await defaultDataDirectory(PACKAGE_ROOT)).path, 'postgres.url');
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES')
      throw new Error(`${file} may not be read by this user: run this as the user that runs the app`);
    throw new Error(
      `There is no ${file}: start the app (npm start), or set DATABASE_URL or DATA_DIR as it has them`,
    );
  }
}

endWithoutReader();

try {
  await sql(process.argv[2]);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
