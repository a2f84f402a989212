import { type OptionNames, requireKnown } from '../../text/option-names.js';

/** Options of `pgBoss`. */
export interface PgBossOptions {
  /** Of the database: `postgres://user:password@host:port/database`. */
  connectionString: string;
  /**
   * Schema of pg-boss, which is installed there. What has come of shards is in the schema of that name and `_shards`. Default
   * `pgboss`.
   */
  schema?: string | undefined;
  /**
   * Begin of the names of queues. Applications on one schema need different ones; all replicas of one the same. Letters,
   * digits, `-` and `_`. Default `workers`.
   */
  prefix?: string | undefined;
  /** Most connections of a replica. Default 5. */
  maxConnections?: number | undefined;
}

const NAMES: OptionNames<PgBossOptions> = {
  connectionString: true,
  schema: true,
  prefix: true,
  maxConnections: true,
};

/** The options with defaults, and how logs name the server: without user and password. */
export interface CheckedPgBossOptions {
  readonly schema: string;
  readonly prefix: string;
  readonly description: string;
}

/** @throws TypeError that names the value and the fix */
export function checkedOptions(options: PgBossOptions): CheckedPgBossOptions {
  requireKnown(options, NAMES, 'pgBoss');
  const { connectionString, schema = 'pgboss', prefix = 'workers' } = options;
  if (typeof connectionString !== 'string' || !/^postgres(ql)?:\/\//.test(connectionString))
    throw new TypeError('pgBoss: connectionString is none: give postgres://user:password@host:port/database');
  if (!/^[a-z_][a-z0-9_]{0,49}$/.test(schema))
    throw new TypeError(
      `pgBoss: schema: ${JSON.stringify(schema)} is not 1 to 50 small letters, digits and _, a letter first`,
    );
  if (!/^[\w-]{1,50}$/.test(prefix))
    throw new TypeError(`pgBoss: prefix: ${JSON.stringify(prefix)} is not 1 to 50 letters, digits, - and _`);
  const { host, pathname } = new URL(connectionString);
  const description = `pg-boss, PostgreSQL ${host}${pathname}, schema ${schema}, prefix ${prefix}`;
  return { schema, prefix, description };
}
