import { messageOf } from '../../core/text/describe-error.js';
import { readVersion, schemaSteps } from '../../core/postgres/sql/schema-steps.js';
import { openPool } from '../database.js';
import { type Finding, some } from './finding.js';

/** Milliseconds by which a clock may be off. */
const MOST_SKEW = 1_000;
/** A lease that ended this long ago, and whose worker no replica has run since, is a finding. */
const LEASE_OVERDUE = '1 minute';
/** A requested run that has waited this long is one as well. */
const REQUEST_OVERDUE = '5 minutes';

/** What the tables of the framework say. */
export async function examineDatabase(url: string, schema: string): Promise<Finding[]> {
  const pool = await openPool(url);
  const quoted = `"${schema.replaceAll('"', '""')}"`;
  const names = async (sql: string): Promise<string[]> =>
    (await pool.query<{ name: string }>(sql)).rows.map(({ name }) => name);
  const findings: Finding[] = [];
  try {
    const began = Date.now();
    const { rows } = await pool.query<{ now: number }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
    );
    const skew = rows[0]!.now - (began + Date.now()) / 2;
    findings.push({ about: 'database', state: 'ok', detail: 'it answers' }, clock(skew));
    const version = await installed(pool, quoted);
    const needed = schemaSteps(quoted).length;
    findings.push(versionFinding(version, needed, schema));
    if (version === 0 || version < needed) return findings;
    const overdue = await names(
      `SELECT name FROM ${quoted}.workers WHERE lease_until < clock_timestamp() - interval '${LEASE_OVERDUE}' AND NOT paused ORDER BY name`,
    );
    findings.push(
      overdue.length > 0
        ? {
            about: 'leases',
            state: 'warn',
            detail: `ran out more than ${LEASE_OVERDUE} ago, and nobody took over: ${some(overdue)}`,
          }
        : { about: 'leases', state: 'ok', detail: 'none has run out without a successor' },
    );
    const waiting = await names(
      `SELECT DISTINCT worker AS name FROM ${quoted}.requests WHERE ended_at IS NULL AND attempts = 0 AND requested_at < clock_timestamp() - interval '${REQUEST_OVERDUE}' ORDER BY 1`,
    );
    findings.push(
      waiting.length > 0
        ? {
            about: 'triggers',
            state: 'warn',
            detail: `wait for more than ${REQUEST_OVERDUE}: ${some(waiting)}`,
          }
        : { about: 'triggers', state: 'ok', detail: 'none waits for long' },
    );
    return findings;
  } catch (error) {
    return [
      ...findings,
      isMissing(error)
        ? incomplete(error, schema)
        : { about: 'database', state: 'fault', detail: messageOf(error) },
    ];
  } finally {
    await pool.end();
  }
}

/** A table or column that there is not. */
function isMissing(error: unknown): boolean {
  return ['42P01', '42703'].includes(String((error as { code?: unknown }).code));
}

/** Steps that are recorded are not done again. */
function incomplete(error: unknown, schema: string): Finding {
  return {
    about: 'tables',
    state: 'fault',
    detail: `"${schema}" lacks something that its version has (${messageOf(error)}): restore it from a backup, or drop the schema, with its history, and install it anew by ctrlplane-workers migrate`,
  };
}

async function installed(pool: Awaited<ReturnType<typeof openPool>>, schema: string): Promise<number> {
  const { rows } = await pool.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    `${schema}.schema_version`,
  ]);
  if (!rows[0]!.there) return 0;
  return (await pool.query<{ version: number }>(readVersion(schema))).rows[0]!.version;
}

function clock(skew: number): Finding {
  const off = Math.abs(skew) > MOST_SKEW;
  return {
    about: 'database clock',
    state: off ? 'warn' : 'ok',
    detail: off
      ? `${Math.round(Math.abs(skew))} ms ${skew > 0 ? 'ahead of' : 'behind'} this machine: set them by NTP`
      : `${Math.round(Math.abs(skew))} ms from this machine`,
  };
}

function versionFinding(version: number, needed: number, schema: string): Finding {
  const about = 'schema';
  if (version === 0)
    return {
      about,
      state: 'fault',
      detail: `"${schema}" is not installed: ctrlplane-workers migrate, or let the application do it`,
    };
  if (version < needed)
    return {
      about,
      state: 'fault',
      detail: `"${schema}" has version ${version}, and this package needs ${needed}: ctrlplane-workers migrate`,
    };
  if (version > needed)
    return {
      about,
      state: 'note',
      detail: `"${schema}" has version ${version}, newer than this package's ${needed}`,
    };
  return { about, state: 'ok', detail: `"${schema}" has version ${version}` };
}
