import { Socket } from 'node:net';
import { type Duplex } from 'node:stream';
import pg from 'pg';
import { ignore, surviveBreaks } from './bounded-query.js';
import { PostgresOptionsError } from './postgres.errors.js';
import { flag, type OptionNames, unknownOptions } from '../text/option-names.js';
import { checkedOption } from '../text/problems.js';
import { shown } from '../text/shown.js';
import { startTimer } from '../timing/timer.js';

/** Most connections of each pool of this package. */
const CONNECTIONS = 4;

/** Milliseconds: after which an idle connection is closed, unless they are kept; for a new one to open; for all to end. */
const IDLE_FOR = 10_000;
const CONNECT_WITHIN = 5_000;
const END_WITHIN = 2_000;

/** The part of a TypeORM `DataSource` that is used, so that this entry point does not load TypeORM. */
export interface DataSourceLike {
  readonly options: { readonly type: string };
  readonly driver: unknown;
}

/**
 * Which Postgres to use: give exactly one of `dataSource`, `pool` and `connectionString`.
 *
 * In all three cases this package opens connections of its own: up to 4 for the coordination, which stay open, and up to
 * 4 for the history, which are closed after 10 s without use; all of them at shutdown. With a shared pool, a handler that
 * takes every connection would prevent the renewal of its own lease, and be run twice at a time.
 */
export interface PostgresOptions {
  /** An initialised TypeORM data source; connections are opened with the options of its pool. */
  dataSource?: DataSourceLike | undefined;
  /** A pool of `pg`; connections are opened with its options. */
  pool?: pg.Pool | undefined;
  /** `postgres://…`. */
  connectionString?: string | undefined;
  /** Default `workers`. Lower-case letters, digits and underscores, at most 63. */
  schema?: string | undefined;
  /**
   * With `coordination`: name of the service. Each service needs a `schema` of its own, as workers with the same name
   * would run as one: when two services meet, the start fails with `SchemaSharedError` if both were given this option,
   * else it warns. Default: the name in the `package.json` nearest to the script of the process, or else to its working
   * directory.
   */
  service?: string | undefined;
  /**
   * Whether to install and upgrade the schema at start. Default true; if false, an outdated schema makes the start fail
   * with an error that contains the SQL.
   */
  manageSchema?: boolean | undefined;
}

const NAMES: OptionNames<PostgresOptions> = {
  dataSource: true,
  pool: true,
  connectionString: true,
  schema: true,
  service: true,
  manageSchema: true,
};

/** A pool, and how to release it. */
export interface PoolHandle {
  readonly pool: pg.Pool;
  /** How many connections to open before they are needed. */
  readonly mayOpen: number;
  /** Ends the pool if this package made it. May be called repeatedly. */
  release(): Promise<void>;
}

/** @throws PostgresOptionsError for a name that would need quotes in SQL */
export function schemaNameOf(schema = 'workers'): string {
  if (typeof schema === 'string' && /^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return schema;
  throw new PostgresOptionsError(
    `"${shown(schema)}" is no schema name: give lower-case letters, digits and underscores, 63 at most`,
  );
}

/** Checks options. The pool is read only by `connect`, as a data source has none before it is initialised. */
export function resolvePostgres(options: PostgresOptions): {
  schema: string;
  manageSchema: boolean;
  /** @param keep whether idle connections stay open; default: they are closed after 10 s */
  connect(keep?: boolean): PoolHandle;
} {
  const [problem] = unknownOptions(options, NAMES, 'The options of PostgreSQL');
  if (problem !== undefined) throw new PostgresOptionsError(problem);
  const { dataSource, pool, connectionString, manageSchema = true } = options;
  checkedOption('manageSchema', () => flag(manageSchema), PostgresOptionsError);
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

/** Refuses an unreadable connection string without showing it: Node's error contains all of it, with the password. */
function checkConnectionString(connectionString: string): void {
  try {
    // `pg` takes an empty text for its defaults, such as a server on this machine.
    if (connectionString.trim() === '') throw new Error('it is empty');
    new pg.Client({ connectionString });
  } catch {
    throw new PostgresOptionsError(
      'connectionString cannot be read: give postgres://user:password@host:port/database, with what is special in ' +
        'the password percent-encoded',
    );
  }
}

/**
 * A pool of this package with the options of the given one. Only one connection is opened before it is needed: an
 * application that gives a pool plans its number of connections.
 */
function ownPoolLike(given: pg.Pool, keep: boolean): PoolHandle {
  // An idle connection that breaks ends the process if its pool has no `error` listener.
  given.on('error', ignore);
  const { options, Client } = given as pg.Pool & Pick<pg.PoolConfig, 'Client'>;
  const stopListening = () => void given.off('error', ignore);
  // An object that only looks like a pool of `pg` is used itself.
  if (!options) return { pool: given, mayOpen: 0, release: async () => stopListening() };
  const own = ownPool(
    // `pg` makes the password non-enumerable, so a copy of the options lacks it.
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
  // `pg` passes its configuration, which its types do not declare.
  const given = config.stream as ((config: unknown) => Duplex) | undefined;
  const stream = (clientConfig?: unknown): Duplex => {
    const made = given ? given(clientConfig) : new Socket();
    sockets.add(made.once('close', () => sockets.delete(made)));
    return made;
  };
  const pool = new pg.Pool({
    ...config,
    max: CONNECTIONS,
    // Not `min`, which the older supported versions do not have.
    idleTimeoutMillis: keep ? 0 : IDLE_FOR,
    connectionTimeoutMillis: CONNECT_WITHIN,
    // `pg` would put a connection without answers back into the pool.
    query_timeout: 0,
    // Workers that wait for their slots keep the process alive, not connections.
    allowExitOnIdle: true,
    stream,
  });
  // The pool replaces an idle connection that breaks; without a listener the event would end the process.
  pool.on('error', ignore);
  surviveBreaks(pool);
  let ended: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    // A server that vanished (packets dropped) never closes its side, and the open socket would keep the process alive.
    // `end` does not wait for it.
    startTimer(() => sockets.forEach((socket) => socket.destroy()), END_WITHIN, true);
    await pool.end();
  };
  return { pool, mayOpen, release: () => (ended ??= end()) };
}

/** TypeORM keeps the `pg` pool for writes as `driver.master`. */
function poolOf(dataSource: DataSourceLike): pg.Pool {
  const { master } = dataSource.driver as { master?: pg.Pool };
  if (!master)
    throw new PostgresOptionsError(
      'The data source is not initialised: initialise it before the application starts',
    );
  return master;
}
