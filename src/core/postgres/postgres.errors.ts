/** The options of a Postgres connection are invalid. */
export class PostgresOptionsError extends Error {
  override readonly name = 'PostgresOptionsError';
}

/** A newer version of this package has upgraded the schema to a version that this one cannot work with. */
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

/** The schema is missing or outdated, and `manageSchema` is false. */
export class SchemaOutdatedError extends Error {
  override readonly name = 'SchemaOutdatedError';

  constructor(
    readonly schema: string,
    readonly installed: number,
    /** The SQL that upgrades it. */
    readonly sql: string,
  ) {
    super(
      `The schema ${schema} is at version ${installed} and manageSchema is false: apply this SQL first\n${sql}`,
    );
  }
}

/** The role of the connection lacks a right. */
export class MissingRightError extends Error {
  override readonly name = 'MissingRightError';

  constructor(
    readonly role: string,
    readonly lacks: string,
    /** The SQL that grants it, for the owner of the database or the schema. */
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

/** Another service coordinates in the same schema: workers with the same name would run as one. */
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
