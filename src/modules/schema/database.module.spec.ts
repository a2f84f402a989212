import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { DatabaseModule } from './database.module.js';
import { DatabaseUnreachableError, UnknownMigrationsError } from './schema.errors.js';
import { Transactions } from '../database/transaction.js';

@Injectable()
class Settings {
  url = '';
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

describe('DatabaseModule', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.drop());

  it('gives a migrated database to every module, and closes it with the application', async () => {
    @Injectable()
    class Reader {
      constructor(readonly transactions: Transactions) {}
    }
    @Module({ providers: [Reader] })
    class ReaderModule {}
    const app = await Test.createTestingModule({
      imports: [ReaderModule, DatabaseModule.forRoot({ url: database.url })],
    }).compile();
    const { transactions } = app.get(Reader, { strict: false });
    expect(await transactions.manager().query('SELECT count(*)::int AS tenants FROM tenants')).toEqual([
      { tenants: 0 },
    ]);
    const dataSource = app.get(DataSource);
    await app.close();
    expect(dataSource.isInitialized).toBe(false);
  });

  it('takes its options from other providers', async () => {
    const app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRootAsync({
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: (settings: Settings) => ({ url: settings.url, poolSize: 2 }),
        }),
      ],
    })
      .overrideProvider(Settings)
      .useValue({ url: database.url })
      .compile();
    expect(app.get(DataSource).options).toMatchObject({ poolSize: 2 });
    await app.close();
  });

  it('fails at once when there is no such database, logging nothing of its own', async () => {
    const stderr = jest.spyOn(process.stderr, 'write');
    await database.drop();
    const started = Test.createTestingModule({
      imports: [DatabaseModule.forRoot({ url: database.url })],
    }).compile();
    await expect(started).rejects.toThrow(DatabaseUnreachableError);
    expect(stderr).not.toHaveBeenCalled();
    stderr.mockRestore();
  });

  it('refuses a database of a newer version, and leaves no connection open', async () => {
    const first = await Test.createTestingModule({
      imports: [DatabaseModule.forRoot({ url: database.url })],
    }).compile();
    await first
      .get(DataSource)
      .query(
        `INSERT INTO ctrlplane_migrations (timestamp, name) VALUES (9999999999999, 'Later9999999999999')`,
      );
    const again = Test.createTestingModule({
      imports: [DatabaseModule.forRoot({ url: database.url, poolSize: 1 })],
    });
    await expect(again.compile()).rejects.toThrow(UnknownMigrationsError);
    const sessions = () =>
      first.get(DataSource).query<unknown[]>(
        `SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
      );
    while ((await sessions()).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await first.close();
  });
});
