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

/** The database can be read and not written: a replica, or one that is set so. */
export class ReadOnlyDatabaseError extends Error {
  override readonly name = 'ReadOnlyDatabaseError';

  constructor(options?: ErrorOptions) {
    super(
      'The database is read-only: give the URL of the primary, or allow writing ' +
        '(default_transaction_read_only, ALTER DATABASE … SET, a standby that was not promoted).',
      options,
    );
  }
}

/**
 * Migrations are recorded as applied, but tables that they make are missing: they were dropped, or a backup was
 * restored in part.
 */
export class MissingTablesError extends Error {
  override readonly name = 'MissingTablesError';

  constructor(
    /** Those that are known to be missing. */
    readonly tables: readonly string[],
    options?: ErrorOptions,
  ) {
    super(
      `The database lacks tables that its recorded migrations have made: ${tables.join(', ')}. ` +
        'Restore them from a backup with all the others, or give the URL of an empty database.',
      options,
    );
  }
}
