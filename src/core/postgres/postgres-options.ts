import { Socket } from 'node:net';
import pg from 'pg';
import { PostgresOptionsError } from './postgres.errors.js';

/** Of our own pool. */
const CONNECTIONS = 4;

/** Milliseconds after which an idle one is closed, unless they are kept; for a new one to open, and for all to end. */
const IDLE_FOR = 10_000;
const CONNECT_WITHIN = 5_000;
const END_WITHIN = 2_000;

/** The part of a TypeORM `DataSource` that is needed, so that this entry does not load TypeORM. */
export interface DataSourceLike {
  readonly options: { readonly type: string };
  readonly driver: unknown;
}

/** Which Postgres to use: exactly one of the three connections. */
export interface PostgresOptions {
  /** An initialised TypeORM data source; its pool is used and stays the application's. */
  dataSource?: DataSourceLike;
  /**
   * A pool of `pg`; stays the application's. Give it a `connectionTimeoutMillis`: without, a server that accepts and then
   * says nothing occupies its connections for ever. (TypeORM: `connectTimeoutMS`.)
   */
  pool?: pg.Pool;
  /** `postgres://…`; a small pool of our own, closed at shutdown. */
  connectionString?: string;
  /** Default `workers`. Lower-case letters, digits and underscores. */
  schema?: string;
  /** Install and upgrade the schema at start. Default true; if false, an outdated one fails the start with the SQL. */
  manageSchema?: boolean;
}

/** A pool and whose it is. */
export interface PoolHandle {
  readonly pool: pg.Pool;
  /** How many connections may be opened before they are needed: all of a pool that is ours, none of another. */
  readonly mayOpen: number;
  /** Ends it if it is ours. */
  release(): Promise<void>;
}

/** Checked options; the pool is looked up only when it is needed, as a data source has none before it is initialised. */
export function resolvePostgres(options: PostgresOptions): {
  schema: string;
  manageSchema: boolean;
  /** @param keep whether connections of our own pool stay open when they are idle; else for 10 s */
  connect(keep?: boolean): PoolHandle;
} {
  const { dataSource, pool, connectionString, schema = 'workers', manageSchema = true } = options;
  const given = Object.entries({ dataSource, pool, connectionString }).filter(
    ([, value]) => value !== undefined,
  );
  if (given.length !== 1)
    throw new PostgresOptionsError(
      `Give one of dataSource, pool and connectionString; there ${given.length ? `are ${given.map(([k]) => k).join(', ')}` : 'is none'}`,
    );
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw new PostgresOptionsError(
      `"${schema}" is no schema name: lower-case letters, digits and underscores`,
    );
  if (dataSource && dataSource.options.type !== 'postgres')
    throw new PostgresOptionsError(
      `The data source is of type ${dataSource.options.type}: it must be postgres`,
    );

  if (connectionString !== undefined) checkConnectionString(connectionString);

  return {
    schema,
    manageSchema,
    connect: (keep = false) => {
      if (connectionString !== undefined) return ownPool(connectionString, keep);
      return { pool: pool ?? poolOf(dataSource!), mayOpen: 0, release: async () => {} };
    },
  };
}

/** What cannot be read is refused here, and not shown: the error of Node has all of it, with the password. */
function checkConnectionString(connectionString: string): void {
  try {
    new pg.Client({ connectionString });
  } catch {
    throw new PostgresOptionsError(
      'connectionString cannot be read: give postgres://user:password@host:port/database, with what is special in ' +
        'the password percent-encoded',
    );
  }
}

function ownPool(connectionString: string, keep: boolean): PoolHandle {
  const sockets = new Set<Socket>();
  const stream = () => {
    const socket = new Socket();
    sockets.add(socket.once('close', () => sockets.delete(socket)));
    return socket;
  };
  const pool = new pg.Pool({
    connectionString,
    max: CONNECTIONS,
    // Not `min`, which older versions of the supported ones do not know.
    idleTimeoutMillis: keep ? 0 : IDLE_FOR,
    connectionTimeoutMillis: CONNECT_WITHIN,
    stream,
  });
  // An idle connection that breaks is replaced by the pool; unheard, the event would end the process.
  pool.on('error', () => {});
  return {
    pool,
    mayOpen: CONNECTIONS,
    release: async () => {
      // A server that has gone without a word never says goodbye, and the process would wait for it. `end` does not.
      setTimeout(() => sockets.forEach((socket) => socket.destroy()), END_WITHIN).unref();
      await pool.end();
    },
  };
}

/** TypeORM keeps the `pg` pool it writes through as `driver.master`; using it makes all three kinds behave alike. */
function poolOf(dataSource: DataSourceLike): pg.Pool {
  const { master } = dataSource.driver as { master?: pg.Pool };
  if (!master)
    throw new PostgresOptionsError(
      'The data source is not initialised: initialise it before the application starts',
    );
  return master;
}
