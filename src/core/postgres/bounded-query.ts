import type pg from 'pg';
import { plainTypes } from './plain-types.js';
import { endsConnection, isLostRace } from './refusal.js';
import { startTimer } from '../timing/timer.js';

/**
 * Most times that a statement is sent that fails with a serialization failure or a deadlock. The former happen when the
 * database's default isolation is `repeatable read` or `serializable`.
 */
const MOST_RACES = 10;

/** The database did not answer in time; whether the statement took effect is not known. */
export class DatabaseSilentError extends Error {
  static readonly httpStatus = 503;
  override readonly name = 'DatabaseSilentError';

  constructor(readonly waited: number) {
    super(
      `PostgreSQL did not answer within ${waited} ms: it is unreachable or overloaded, or the pool has no free connection`,
    );
  }
}

/**
 * Sends a statement with a time limit on this side; when it has passed, the statement and its connection are given up.
 * Otherwise a server that vanished (packets dropped, no RST) is not noticed: the socket waits for minutes, and `pg`'s own
 * `query_timeout` puts the dead connection back into the pool.
 *
 * The statement has no name, as PgBouncer in transaction mode sends the next one on another connection.
 *
 * @throws DatabaseSilentError
 */
export async function boundedQuery<Row extends object>(
  pool: pg.Pool,
  text: string,
  values: unknown[],
  within: number,
): Promise<Row[]> {
  const connecting = pool.connect();
  let client: pg.PoolClient;
  try {
    client = await inTime(connecting, within);
  } catch (error) {
    // The connection may still open after the wait was given up.
    connecting.then(
      (late) => late.release(),
      () => {},
    );
    throw error;
  }
  client.on('error', ignore);
  try {
    const rows = await send<Row>(client, text, values, within);
    client.release();
    return rows;
  } catch (error) {
    client.release(endsConnection(error));
    throw error;
  } finally {
    client.off('error', ignore);
  }
}

async function send<Row extends object>(
  client: pg.PoolClient,
  text: string,
  values: unknown[],
  within: number,
): Promise<Row[]> {
  for (let races = 1; ; races++) {
    try {
      const { rows } = await inTime(client.query<Row>({ text, values, types: plainTypes }), within);
      return rows;
    } catch (error) {
      if (!isLostRace(error) || races === MOST_RACES) throw error;
    }
  }
}

/**
 * Listener for the `error` event of a client. When a connection breaks during a statement, the statement rejects and the
 * client emits `error`, which would end the process without a listener. The pool only listens while the client is idle.
 */
export function ignore(): void {}

function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = startTimer(() => reject(new DatabaseSilentError(ms)), ms);
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}

/**
 * Keeps the connections of a pool from ending the process when they break. The pool listens to those that are idle, and whoever has taken one
 * listens from the next microtask on. Between the two nobody does, and a server that goes down says "ready" and "terminating" in one
 * packet. Whoever has the connection is told by its next statement.
 */
export function surviveBreaks(pool: pg.Pool): void {
  pool.on('connect', (client) => void client.on('error', ignore));
}
