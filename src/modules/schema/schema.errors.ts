/** Where a database is, as far as it may be told: nothing here is a secret. */
export interface DatabaseAddress {
  host: string;
  port: number;
  database: string;
}

/** No connection could be opened. Names host, port, database and reason; never the user's password. */
export class DatabaseUnreachableError extends Error {
  static readonly httpStatus = 503;
  override readonly name = 'DatabaseUnreachableError';

  constructor(
    readonly address: DatabaseAddress,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `Cannot use the database "${address.database}" at ${address.host}:${address.port}: ${reason}. ` +
        'Check the database URL, and that PostgreSQL runs and accepts this user.',
      options,
    );
  }
}

/** The database URL cannot be read. It is not repeated: there may be a password in it. */
export class InvalidDatabaseUrlError extends Error {
  override readonly name = 'InvalidDatabaseUrlError';

  constructor() {
    super('The database URL cannot be read: expected postgres://user:password@host:port/database.');
  }
}

/** The database has been migrated by a newer version of this code, whose tables this one does not know. */
export class UnknownMigrationsError extends Error {
  override readonly name = 'UnknownMigrationsError';

  constructor(
    /** Applied migrations that this code does not know. */
    readonly unknownMigrations: readonly string[],
  ) {
    super(
      `The database is newer than this version: it has the migrations ${unknownMigrations.join(', ')}. ` +
        'Upgrade the application to the version that applied them.',
    );
  }
}
