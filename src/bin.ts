#!/usr/bin/env node
import { parseArgs } from 'node:util';
import pg from 'pg';
import { applySchema } from './core/postgres/schema.js';
import { schemaSql } from './core/postgres/schema-sql.js';

const USAGE = `Usage: ctrlplane-workers schema [--schema workers] [--role NAME] [--installed N] [--apply URL]

Prints the SQL that installs the tables of the history and of the coordination, to be applied in one transaction.
  --schema     schema that they are in, as in postgres({ schema }); default workers
  --role       role that the application connects as: adds the GRANTs that it needs
  --installed  version that is there already (SELECT max(version) FROM workers.schema_version); default 0
  --apply      applies what is missing, and the GRANTs, as the role of this connection string, instead of printing`;

/** @throws Error with what to do, for people */
async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      schema: { type: 'string' },
      role: { type: 'string' },
      installed: { type: 'string' },
      apply: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(`${USAGE}\n`);
  if (positionals.length !== 1 || positionals[0] !== 'schema')
    throw new Error(`There is no command ${JSON.stringify(positionals.join(' '))}\n\n${USAGE}`);
  const { schema, role, apply } = values;
  const installed = Number(values.installed ?? 0);
  if (!Number.isInteger(installed) || installed < 0)
    throw new Error(`--installed ${values.installed}: give the number of a version, 0 for none`);
  const sql = schemaSql({ schema, role, installed });
  if (apply === undefined) return void process.stdout.write(sql);
  const pool = new pg.Pool({ connectionString: apply, max: 1 });
  try {
    await applySchema(pool, { schema, role });
    process.stdout.write('The schema is up to date.\n');
  } finally {
    await pool.end();
  }
}

// `| head` has enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
