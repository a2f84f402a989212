import type pg from 'pg';
import { ignore } from './bounded-query.js';
import { SchemaNewerThanCodeError, SchemaOutdatedError } from './postgres.errors.js';
import { createVersionTable, readVersion, schemaSteps } from './sql/schema-steps.js';

/** Any fixed number will do; it only has to be this package's own. */
const LOCK = 0x77_6f_72_6b;

/** `undefined_table`, `invalid_schema_name`. */
const MISSING = ['42P01', '3F000'];

/**
 * Brings the schema to the version of this code, in one transaction. Replicas that start together wait for each
 * other (a transaction's advisory lock: it works through a pooler and cannot be left behind).
 *
 * @throws SchemaNewerThanCodeError
 */
export async function upgradeSchema(pool: pg.Pool, schema: string): Promise<void> {
  // The common case takes no lock and needs no right to create.
  if ((await installedVersion(pool, schema)) === schemaSteps(schema).length) return;
  const client = await pool.connect();
  client.on('error', ignore);
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    await client.query(createVersionTable(schema));
    const installed = await versionIn(client, schema);
    for (const [index, step] of schemaSteps(schema).entries()) {
      if (index < installed) continue;
      await client.query(step);
      await client.query(`INSERT INTO ${schema}.schema_version (version) VALUES ($1)`, [index + 1]);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    client.release();
    client.off('error', ignore);
  }
}

/** @throws SchemaNewerThanCodeError, SchemaOutdatedError */
export async function checkSchema(pool: pg.Pool, schema: string): Promise<void> {
  const installed = await installedVersion(pool, schema);
  const steps = schemaSteps(schema);
  if (installed === steps.length) return;
  const sql = steps
    .slice(installed)
    .map((step, i) => `${step}INSERT INTO ${schema}.schema_version (version) VALUES (${installed + i + 1});`);
  throw new SchemaOutdatedError(schema, installed, [createVersionTable(schema), ...sql].join('\n'));
}

async function installedVersion(pool: pg.Pool, schema: string): Promise<number> {
  try {
    return await versionIn(pool, schema);
  } catch (error) {
    if (MISSING.includes((error as { code?: string }).code ?? '')) return 0;
    throw error;
  }
}

async function versionIn(client: pg.Pool | pg.PoolClient, schema: string): Promise<number> {
  const { rows } = await client.query<{ version: number }>(readVersion(schema));
  const { version } = rows[0]!;
  const known = schemaSteps(schema).length;
  if (version > known) throw new SchemaNewerThanCodeError(schema, version, known);
  return version;
}
