import { Logger } from '@nestjs/common';
import pg from 'pg';
import { type DataSource } from 'typeorm';
import { surviveBreaks } from '../../core/postgres/bounded-query.js';
import { PoolSockets } from './pool-sockets.js';

/** A pool, and how to be rid of it. */
export interface OwnPool {
  readonly pool: pg.Pool;
  /** Resolves within 2 s also when the server has gone without a word. */
  end(): Promise<void>;
}

/**
 * A small pool to where the data source leads, for work that must not take the connections of the application, nor
 * wait for one. A connection is opened when it is needed, and closed after 10 idle seconds.
 */
export function ownPool(dataSource: DataSource, connections: number): OwnPool {
  const { options } = poolOf(dataSource);
  const sockets = new PoolSockets();
  const pool = new pg.Pool({
    ...options,
    // `pg` hides it from being listed.
    password: options.password,
    max: connections,
    connectionTimeoutMillis: options.connectionTimeoutMillis || 5_000,
    stream: sockets.stream,
  });
  // Unheard, an idle connection that breaks would end the process. The pool replaces it by itself.
  const logger = new Logger('Database');
  pool.on('error', (error) => logger.warn(`Lost an idle database connection: ${error.message}`));
  surviveBreaks(pool);
  return {
    pool,
    end: () => sockets.during(() => pool.end()),
  };
}

/** The connections of the data source itself. */
export function poolOf(dataSource: DataSource): pg.Pool {
  return (dataSource.driver as unknown as { master: pg.Pool }).master;
}
