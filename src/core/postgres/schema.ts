import pg from 'pg';
import { ignore } from './bounded-query.js';
import { plainTypes } from './plain-types.js';
import { isReadOnly } from './refusal.js';
import {
  MissingRightError,
  ReadOnlyDatabaseError,
  SchemaNewerThanCodeError,
  SchemaOutdatedError,
} from './postgres.errors.js';
import { schemaNameOf } from './postgres-options.js';
import { grants, missingSteps } from './schema-sql.js';
import { createVersionTable, noteStep, readRights, readVersion, schemaSteps } from './sql/schema-steps.js';
import { messageOf } from '../text/describe-error.js';

/** Key of the advisory lock: any fixed number that no other program uses. */
const LOCK = 0x77_6f_72_6b;

/** `undefined_table`, `invalid_schema_name`. */
const MISSING = ['42P01', '3F000'];

/** `insufficient_privilege`. */
const REFUSED = '42501';

/**
 * Installs and upgrades the schema, or checks its version; then checks the rights to use it.
 *
 * @param manage whether it may be installed and upgraded
 * @throws SchemaNewerThanCodeError, SchemaOutdatedError, MissingRightError, ReadOnlyDatabaseError
 */
export async function prepareSchema(pool: pg.Pool, schema: string, manage: boolean): Promise<void> {
  let refusal: unknown;
  try {
    await (manage ? upgradeSchema : checkSchema)(pool, schema);
  } catch (error) {
    if (isReadOnly(error)) throw new ReadOnlyDatabaseError({ cause: error });
    if ((error as { code?: string }).code !== REFUSED) throw error;
    refusal = error;
  }
  await checkRights(pool, schema, refusal);
}

/**
 * Installs or upgrades the schema, and grants a role the rights that the application needs. Needs the right to do both.
 * @throws PostgresOptionsError, SchemaNewerThanCodeError, ReadOnlyDatabaseError, MissingRightError, and other errors of
 * PostgreSQL
 */
export async function applySchema(
  pool: pg.Pool,
  { schema, role }: { schema?: string; role?: string },
): Promise<void> {
  const name = schemaNameOf(schema);
  await prepareSchema(pool, name, true);
  if (role !== undefined) await pool.query(grants(name, pg.escapeIdentifier(role)));
}

/** @param refusal the error of a refused installation or upgrade, if any */
async function checkRights(pool: pg.Pool, schema: string, refusal: unknown): Promise<void> {
  const { rows } = await pool.query<Rights>({ text: readRights, values: [schema], types: plainTypes });
  const { role, roleId, databaseId, installed, mayUse, lacking } = rows[0]!;
  const grant = grants(schema, roleId);
  if (!installed)
    throw new MissingRightError(
      role,
      `may not create the schema ${schema} in the database ${databaseId}`,
      `GRANT CREATE ON DATABASE ${databaseId} TO ${roleId};`,
      ' Or give manageSchema: false, and apply the SQL that the next start prints as somebody who may',
    );
  if (!mayUse) throw new MissingRightError(role, `may not use the schema ${schema}`, grant);
  if (lacking.length > 0) throw new MissingRightError(role, `lacks ${lacking.join(', ')}`, grant);
  if (refusal !== undefined)
    throw new MissingRightError(
      role,
      `may not upgrade the schema ${schema} (${messageOf(refusal)})`,
      missingSteps(schema, await installedVersion(pool, schema)),
    );
}

interface Rights {
  role: string;
  roleId: string;
  databaseId: string;
  installed: boolean;
  mayUse: boolean | null;
  lacking: string[];
}

/**
 * Upgrades the schema to the version of this code, in one transaction. Replicas that start together wait for each other
 * (by an advisory lock of the transaction, which works through a pooler and is always released).
 *
 * @throws SchemaNewerThanCodeError
 */
async function upgradeSchema(pool: pg.Pool, schema: string): Promise<void> {
  // The common case needs no lock and no right to create.
  if ((await installedVersion(pool, schema)) >= schemaSteps(schema).length) return;
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
      await client.query(noteStep(schema, index + 1));
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
async function checkSchema(pool: pg.Pool, schema: string): Promise<void> {
  const installed = await installedVersion(pool, schema);
  if (installed >= schemaSteps(schema).length) return;
  throw new SchemaOutdatedError(schema, installed, missingSteps(schema, installed));
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
  const { rows } = await client.query<{ version: number; compatibleFrom: number }>({
    text: readVersion(schema),
    types: plainTypes,
  });
  const { version, compatibleFrom } = rows[0]!;
  const known = schemaSteps(schema).length;
  if (compatibleFrom > known) throw new SchemaNewerThanCodeError(schema, version, known);
  return version;
}
