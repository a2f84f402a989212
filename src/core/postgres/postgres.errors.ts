/** The connection that was given cannot be used. */
export class PostgresOptionsError extends Error {
  override readonly name = 'PostgresOptionsError';
}

/** A newer version of this package has upgraded the schema, to one that this version cannot work with. */
export class SchemaNewerThanCodeError extends Error {
  override readonly name = 'SchemaNewerThanCodeError';

  constructor(
    readonly schema: string,
    readonly installed: number,
    readonly known: number,
  ) {
    super(
      `The schema ${schema} is at version ${installed}, and this code knows version ${known}: ` +
        'deploy the newer ctrlplane-workers that upgraded it, or use another schema',
    );
  }
}

/** The schema is missing or old, and the code was told not to touch it. */
export class SchemaOutdatedError extends Error {
  override readonly name = 'SchemaOutdatedError';

  constructor(
    readonly schema: string,
    readonly installed: number,
    /** What brings it up to date. */
    readonly sql: string,
  ) {
    super(
      `The schema ${schema} is at version ${installed} and manageSchema is false: apply this SQL first\n${sql}`,
    );
  }
}

/** The role of the connection may not do what is needed. */
export class MissingRightError extends Error {
  override readonly name = 'MissingRightError';

  constructor(
    readonly role: string,
    readonly lacks: string,
    /** What mends it, to be run by whom the database or the schema belongs to. */
    readonly sql: string,
    otherwise = '',
  ) {
    super(`The role "${role}" ${lacks}. Run as the owner: ${sql}${otherwise}`);
  }
}

/** The database is read-only, and coordination has to write. */
export class ReadOnlyDatabaseError extends Error {
  override readonly name = 'ReadOnlyDatabaseError';

  constructor(options?: ErrorOptions) {
    super(
      'PostgreSQL is read-only here: it is a standby, or default_transaction_read_only is on. Connect to the primary, ' +
        'or turn that setting off for the database or the role of the connection',
      options,
    );
  }
}

/** Another service coordinates in the same schema: workers of one name would be taken for one. */
export class SchemaSharedError extends Error {
  override readonly name = 'SchemaSharedError';

  constructor(
    readonly schema: string,
    readonly service: string,
    readonly others: readonly string[],
  ) {
    const names = others.map((other) => `"${other}"`).join(', ');
    super(
      `The schema ${schema} is that of the service ${names}, and this is the service "${service}": workers of one name ` +
        `would run as one. Give each service a schema of its own (postgres({ schema })), or, if it is the same one, ` +
        `the same name (postgres({ service })). One that goes by this name now is forgotten with: DELETE FROM ` +
        `${schema}.services WHERE name = '${others[0]}'`,
    );
  }
}
