import { Logger } from '@nestjs/common';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { surviveBreaks } from '../../core/postgres/bounded-query.js';
import { poolOf } from '../database/own-pool.js';
import { PoolSockets } from '../database/pool-sockets.js';
import { type DatabaseAddress, DatabaseUnreachableError, InvalidDatabaseUrlError } from './schema.errors.js';
import { ENTITIES } from './entities.js';
import { MIGRATIONS, MIGRATIONS_TABLE, SCHEDULES_MIGRATIONS } from './migrations/index.js';
import { sleep } from '../../core/timing/timer.js';

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`; PostgreSQL 13 or newer. */
  url: string;
  /** Most connections held at a time. Default 10. */
  poolSize?: number | undefined;
  /** Milliseconds in which a connection must be there, at start and later. Default 5000. */
  connectTimeout?: number | undefined;
  /**
   * Which tables are made and expected: `schedules`, those of `SchedulesModule` alone, for an application without a control plane. One that
   * is told `all` later adds the others. Default `all`.
   */
  tables?: 'all' | 'schedules' | undefined;
}

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

const RETRY_MS = 250;

/** Reasons that pass by themselves: PostgreSQL does not listen yet, or is starting, stopping or full. */
const PASSING = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', '57P01', '57P03', '53300']);

const logger = new Logger('Database');

/** Its end breaks connections to a server that hangs: TypeORM's own waits for the answer to each query. */
class EndingDataSource extends DataSource {
  private readonly sockets: PoolSockets;

  constructor(options: PostgresOptions) {
    const sockets = new PoolSockets();
    super({ ...options, extra: { ...(options.extra as object), stream: sockets.stream } });
    this.sockets = sockets;
  }

  override async initialize(): Promise<this> {
    await super.initialize();
    surviveBreaks(poolOf(this));
    return this;
  }

  override destroy(): Promise<void> {
    return this.sockets.during(() => super.destroy());
  }
}

/** What TypeORM needs for the control plane's tables on that database. */
export function dataSourceOptions({
  url,
  poolSize = 10,
  connectTimeout = 5_000,
  tables = 'all',
}: DatabaseOptions): PostgresOptions {
  return {
    type: 'postgres',
    url,
    poolSize,
    connectTimeoutMS: connectTimeout,
    entities: tables === 'all' ? ENTITIES : [],
    migrations: tables === 'all' ? MIGRATIONS : SCHEDULES_MIGRATIONS,
    migrationsTableName: MIGRATIONS_TABLE,
    // Without a handler an idle connection that breaks would end the process. The pool replaces it by itself.
    poolErrorHandler: (error: Error) => logger.warn(`Lost an idle database connection: ${error.message}`),
    // A peer that vanished without a word is noticed after seconds, not after the kernel's two hours.
    extra: { keepAlive: true, keepAliveInitialDelayMillis: 10_000 },
  };
}

/**
 * A connected DataSource, of what `dataSourceOptions` gave. What passes by itself (PostgreSQL still starting)
 * is waited for, as long as a connection may take; anything else fails at once.
 * @throws InvalidDatabaseUrlError, DatabaseUnreachableError
 */
export async function connect(options: DataSourceOptions): Promise<DataSource> {
  const { url = '', connectTimeoutMS = 0 } = options as PostgresOptions;
  const address = databaseAddress(url);
  const deadline = Date.now() + connectTimeoutMS;
  for (;;) {
    try {
      return await readCommitted(await new EndingDataSource(options as PostgresOptions).initialize());
    } catch (error) {
      if (!isPassing(error) || Date.now() + RETRY_MS > deadline) {
        throw new DatabaseUnreachableError(address, reasonOf(error), { cause: error });
      }
    }
    await sleep(RETRY_MS);
  }
}

/**
 * Changes name the state that they were decided on, and a statement that has waited for a row must see it as it is then.
 * Where the database or the role has another isolation by default, the sessions are opened anew with this one. Not at once,
 * as poolers refuse such a parameter (PgBouncer, unless it is told to ignore it).
 */
async function readCommitted(dataSource: DataSource): Promise<DataSource> {
  const [row] = await dataSource.query<{ isolation: string }[]>(
    `SELECT current_setting('default_transaction_isolation') AS isolation`,
  );
  if (row!.isolation === 'read committed') return dataSource;
  await dataSource.destroy();
  const options = dataSource.options as PostgresOptions;
  const url = new URL(options.url!);
  const others = url.searchParams.get('options');
  url.searchParams.set(
    'options',
    `${others ? `${others} ` : ''}-c default_transaction_isolation=read\\ committed`,
  );
  return new EndingDataSource({ ...options, url: url.href }).initialize();
}

/**
 * Where the URL points, without user and password.
 * @throws InvalidDatabaseUrlError
 */
export function databaseAddress(url: string): DatabaseAddress {
  try {
    const { protocol, hostname, port, pathname, searchParams, username } = new URL(url);
    if (!/^postgres(ql)?:$/.test(protocol)) throw new InvalidDatabaseUrlError();
    return {
      host: decodeURIComponent(hostname) || searchParams.get('host') || 'localhost',
      port: Number(port || 5432),
      database: decodeURIComponent(pathname.slice(1) || username),
    };
  } catch {
    throw new InvalidDatabaseUrlError();
  }
}

function isPassing(error: unknown): boolean {
  return PASSING.has((error as { code?: string }).code ?? '');
}

/** A refused `localhost` is an AggregateError of both address families, whose own message is empty. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && !error.message) return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
