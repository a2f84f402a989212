import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { dataSourceOptions } from './data-source.js';
import { UnknownMigrationsError } from './schema.errors.js';
import { migrate } from './migrate.js';
import { MIGRATIONS } from './migrations/index.js';

const NAMES = MIGRATIONS.map((migration) => migration.name);

describe('migrate', () => {
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeEach(async () => {
    database = await createTestDatabase();
    dataSource = await new DataSource(dataSourceOptions({ url: database.url })).initialize();
  });
  afterEach(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  it('brings an empty database to what the entities say', async () => {
    expect(await migrate(database.url)).toEqual(NAMES);
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('does nothing to a database that is up to date', async () => {
    await migrate(dataSource);
    expect(await migrate(dataSource)).toEqual([]);
  });

  it('lets one of several apps that start together migrate, while the others wait', async () => {
    const applied = await Promise.all([database.url, database.url, database.url].map(migrate));
    expect(applied.flat()).toEqual(NAMES);
  });

  it('says what to do about a database that is read-only, new or up to date', async () => {
    const name = new URL(database.url).pathname.slice(1);
    const readOnly = (on: boolean) =>
      dataSource.query(`ALTER DATABASE "${name}" SET default_transaction_read_only = ${on ? 'on' : 'off'}`);
    await readOnly(true);
    await expect(migrate(database.url)).rejects.toThrow(/is read-only: give the URL of the primary/);
    await dataSource.query('SET default_transaction_read_only = off');
    await readOnly(false);
    await migrate(database.url);
  });

  it('names tables that are missing although their migration is recorded', async () => {
    await migrate(database.url);
    await dataSource.query('DROP TABLE instances, events');
    await expect(migrate(database.url)).rejects.toThrow(
      /lacks tables that its recorded migrations have made: events, instances\. Restore them/,
    );
  });

  it('leaves an empty database empty when a migration fails', async () => {
    // TypeORM prints the failure as well.
    const print = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    await dataSource.query('CREATE TABLE events ()');
    await expect(migrate(database.url)).rejects.toThrow(/"events" already exists/);
    print.mockRestore();
    const tables = await dataSource.query<{ name: string }[]>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
    );
    expect(tables).toEqual([{ name: 'events' }]);
  });

  it('refuses a database that a newer version has migrated, and names what is unknown', async () => {
    await migrate(dataSource);
    await dataSource.query(
      `INSERT INTO ctrlplane_migrations (timestamp, name) VALUES (9999999999999, 'Later9999999999999')`,
    );
    const refused = migrate(database.url);
    await expect(refused).rejects.toThrow(UnknownMigrationsError);
    await expect(refused).rejects.toThrow(/Later9999999999999.*Upgrade the application/);
  });

  it('can be undone', async () => {
    await migrate(dataSource);
    for (let left = NAMES.length; left > 0; left--) await dataSource.undoLastMigration();
    expect(await migrate(dataSource)).toEqual(NAMES);
  });
});
