import { Socket } from 'node:net';
import { type Duplex } from 'node:stream';
import pg from 'pg';
import { ignore } from './bounded-query.js';
import { PostgresOptionsError } from './postgres.errors.js';
import { startTimer } from '../timing/timer.js';

/** Of each of our own pools. */
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

/**
 * Which Postgres to use: exactly one of the three.
 *
 * Whichever it is, the connections are our own, up to 4 for the coordination, which stay open, and up to 4 for the history,
 * which are closed after 10 s without use; all of them at shutdown. A handler that takes every connection of the
 * application's pool would otherwise keep the lease of its own run from being renewed, and be run twice at a time.
 */
export interface PostgresOptions {
  /** An initialised TypeORM data source; connections of our own are opened as its pool opens them. */
  dataSource?: DataSourceLike | undefined;
  /** A pool of `pg`; connections of our own are opened with its options. */
  pool?: pg.Pool | undefined;
  /** `postgres://…`. */
  connectionString?: string | undefined;
  /** Default `workers`. Lower-case letters, digits and underscores. */
  schema?: string | undefined;
  /**
   * With `coordination`: whose replicas these are. Another service needs another `schema`, or workers of one name would be
   * taken for one: the start fails with `SchemaSharedError` when both were given a name, else it warns. Default: the name
   * in the `package.json` nearest to the script that the process was started with, or else to its working directory.
   */
  service?: string | undefined;
  /** Install and upgrade the schema at start. Default true; if false, an outdated one fails the start with the SQL. */
  manageSchema?: boolean | undefined;
}

/** A pool and whose it is. */
export interface PoolHandle {
  readonly pool: pg.Pool;
  /** How many connections to open before they are needed. */
  readonly mayOpen: number;
  /** Ends it if it is ours. May be called again. */
  release(): Promise<void>;
}

/** @throws PostgresOptionsError for what PostgreSQL would need quotes around */
export function schemaNameOf(schema = 'workers'): string {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return schema;
  throw new PostgresOptionsError(
    `"${schema}" is no schema name: give lower-case letters, digits and underscores, 63 at most`,
  );
}

/** Checked options; the pool is looked up only when it is needed, as a data source has none before it is initialised. */
export function resolvePostgres(options: PostgresOptions): {
  schema: string;
  manageSchema: boolean;
  /** @param keep whether connections of our own pool stay open when they are idle; else for 10 s */
  connect(keep?: boolean): PoolHandle;
} {
  const { dataSource, pool, connectionString, manageSchema = true } = options;
  const schema = schemaNameOf(options.schema);
  const given = Object.entries({ dataSource, pool, connectionString }).filter(
    ([, value]) => value !== undefined,
  );
  if (given.length !== 1)
    throw new PostgresOptionsError(
      `Give one of dataSource, pool and connectionString; there ${given.length ? `are ${given.map(([k]) => k).join(', ')}` : 'is none'}`,
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
      if (connectionString !== undefined) return ownPool({ connectionString }, keep, CONNECTIONS);
      return ownPoolLike(pool ?? poolOf(dataSource!), keep);
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

/**
 * A pool of our own that connects as the given one does. The first connection alone is opened before it is needed: who
 * gives a pool has a number of connections in mind.
 */
function ownPoolLike(given: pg.Pool, keep: boolean): PoolHandle {
  // An idle connection that breaks ends the process if its pool has no `error` listener.
  given.on('error', ignore);
  const { options, Client } = given as pg.Pool & Pick<pg.PoolConfig, 'Client'>;
  const stopListening = () => void given.off('error', ignore);
  // Something that only looks like a pool of `pg`: it has to do.
  if (!options) return { pool: given, mayOpen: 0, release: async () => stopListening() };
  const own = ownPool(
    // `pg` makes the password not enumerable, so a copy of the options lacks it.
    { ...options, password: options.password, ...(Client && { Client }) },
    keep,
    1,
  );
  return {
    ...own,
    release: async () => {
      stopListening();
      await own.release();
    },
  };
}

function ownPool(config: pg.PoolConfig, keep: boolean, mayOpen: number): PoolHandle {
  const sockets = new Set<Duplex>();
  // `pg` hands in its configuration, of which its types know nothing.
  const given = config.stream as ((config: unknown) => Duplex) | undefined;
  const stream = (clientConfig?: unknown): Duplex => {
    const made = given ? given(clientConfig) : new Socket();
    sockets.add(made.once('close', () => sockets.delete(made)));
    return made;
  };
  const pool = new pg.Pool({
    ...config,
    max: CONNECTIONS,
    // Not `min`, which older versions of the supported ones do not know.
    idleTimeoutMillis: keep ? 0 : IDLE_FOR,
    connectionTimeoutMillis: CONNECT_WITHIN,
    // That of `pg` puts a connection back into the pool on which nothing comes back.
    query_timeout: 0,
    // What keeps the process alive is workers that wait for their slots, not connections.
    allowExitOnIdle: true,
    stream,
  });
  // An idle connection that breaks is replaced by the pool; unheard, the event would end the process.
  pool.on('error', ignore);
  let ended: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    // A server that vanished (packets dropped) never closes its side, and the open socket would keep the process. `end`
    // does not wait for it.
    startTimer(() => sockets.forEach((socket) => socket.destroy()), END_WITHIN, true);
    await pool.end();
  };
  return { pool, mayOpen, release: () => (ended ??= end()) };
}

/** TypeORM keeps the `pg` pool it writes through as `driver.master`; its options make all three kinds behave alike. */
function poolOf(dataSource: DataSourceLike): pg.Pool {
  const { master } = dataSource.driver as { master?: pg.Pool };
  if (!master)
    throw new PostgresOptionsError(
      'The data source is not initialised: initialise it before the application starts',
    );
  return master;
}
