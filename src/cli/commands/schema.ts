import { type Command } from 'commander';
import { CommandError, EXIT } from '../exit-codes.js';
import { wholeNumber } from '../context.js';

interface SchemaOptions {
  schema?: string;
  role?: string;
  installed?: number;
  apply?: string;
  database?: string;
}

/** `sql`, `migrate`, and `schema`, which does both and is older. */
export function schemaCommands(program: Command): void {
  printing(
    program
      .command('sql')
      .description('prints the SQL that installs the tables of the history and of the coordination'),
  ).action((options: SchemaOptions) => print(options));
  shared(program.command('migrate').description('installs what is missing of those tables, and the grants'))
    .option('--database <url>', 'connection string of a role that may create them (DATABASE_URL)')
    .action((options: SchemaOptions) => apply(options, options.database ?? process.env.DATABASE_URL));
  printing(program.command('schema').description('the same as `sql`, or with --apply as `migrate`'))
    .option('--apply <url>', 'applies what is missing, and the grants, as the role of this connection string')
    .action((options: SchemaOptions) =>
      options.apply === undefined ? print(options) : apply(options, options.apply),
    );
}

function shared(command: Command): Command {
  return command
    .option('--schema <name>', 'schema that they are in, as in postgres({ schema }) (default: "workers")')
    .option('--role <name>', 'role that the application connects as: adds the GRANTs that it needs');
}

function printing(command: Command): Command {
  return shared(command).option(
    '--installed <version>',
    'version that is there already: SELECT max(version) FROM workers.schema_version (default: 0)',
    wholeNumber(0, 1_000_000),
  );
}

async function print({ schema, role, installed = 0 }: SchemaOptions): Promise<void> {
  const { schemaSql } = await import('../../core/postgres/schema-sql.js');
  process.stdout.write(schemaSql({ schema, role, installed }));
}

async function apply({ schema, role }: SchemaOptions, url: string | undefined): Promise<void> {
  if (!url) throw new CommandError('Which database? Give --database <url>, or set DATABASE_URL', EXIT.usage);
  const { applySchema } = await import('../../core/postgres/schema.js');
  const { databaseError, openPool } = await import('../database.js');
  const pool = await openPool(url);
  try {
    await applySchema(pool, { schema, role });
    process.stdout.write('The schema is up to date.\n');
  } catch (error) {
    throw databaseError(error);
  } finally {
    await pool.end();
  }
}
