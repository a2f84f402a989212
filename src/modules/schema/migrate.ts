import { type DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import { connect, dataSourceOptions } from './data-source.js';
import { MissingTablesError, ReadOnlyDatabaseError, UnknownMigrationsError } from './schema.errors.js';
import { MIGRATIONS, MIGRATIONS_TABLE } from './migrations/index.js';

/** How PostgreSQL says it. */
const READ_ONLY = '25006';
const NO_SUCH_TABLE = '42P01';

/** Any number, as long as nothing else in the database locks the same one. */
const MIGRATION_LOCK = 7_216_430_501;

/**
 * Applies the migrations that are pending, all or none. Of several apps that start together one applies them
 * while the others wait: the advisory lock belongs to the transaction, so it cannot outlive a crash, and it
 * works behind PgBouncer in transaction mode.
 *
 * @returns the names of those it applied.
 * @throws UnknownMigrationsError when the database has migrations that this code does not know.
 */
export async function migrate(database: DataSource | string): Promise<string[]> {
  if (typeof database !== 'string') return applyPending(database);
  const dataSource = await connect(dataSourceOptions({ url: database, poolSize: 1 }));
  try {
    return await applyPending(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

async function applyPending(dataSource: DataSource): Promise<string[]> {
  try {
    return await applyUnderLock(dataSource);
  } catch (error) {
    const { code, message = '' } =
      (error as { driverError?: { code?: string; message?: string } }).driverError ?? {};
    if (code === READ_ONLY) throw new ReadOnlyDatabaseError({ cause: error });
    if (code === NO_SUCH_TABLE)
      throw new MissingTablesError([/"([^"]+)"/.exec(message)?.[1] ?? message], { cause: error });
    throw error;
  }
}

async function applyUnderLock(dataSource: DataSource): Promise<string[]> {
  return dataSource.transaction(async ({ queryRunner }) => {
    if (!queryRunner) throw new TypeError('TypeORM gave a transaction without a query runner');
    await queryRunner.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await refuseNewerSchema(queryRunner);
    const applied = await new MigrationExecutor(dataSource, queryRunner).executePendingMigrations();
    await refuseMissingTables(dataSource, queryRunner);
    return applied.map(({ name }) => name);
  });
}

/** A dropped table would show as an error of the first statement that uses it. */
async function refuseMissingTables(dataSource: DataSource, queryRunner: QueryRunner): Promise<void> {
  const mapped = dataSource.entityMetadatas.map(({ tableName }) => tableName);
  const names = ['schedules', 'schedule_handlers', ...(mapped.length > 0 ? [...mapped, 'events'] : [])];
  const missing: { name: string }[] = await queryRunner.query(
    'SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NULL ORDER BY name',
    [names],
  );
  if (missing.length) throw new MissingTablesError(missing.map(({ name }) => name));
}

async function refuseNewerSchema(queryRunner: QueryRunner): Promise<void> {
  if (!(await queryRunner.hasTable(MIGRATIONS_TABLE))) return;
  const applied: { name: string }[] = await queryRunner.query(
    `SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY timestamp`,
  );
  const known = new Set(MIGRATIONS.map((migration) => migration.name));
  const unknown = applied.map(({ name }) => name).filter((name) => !known.has(name));
  if (unknown.length) throw new UnknownMigrationsError(unknown);
}
