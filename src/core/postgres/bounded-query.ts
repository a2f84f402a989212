import type pg from 'pg';
import { plainTypes } from './plain-types.js';
import { endsConnection, isLostRace } from './refusal.js';
import { startTimer } from '../timing/timer.js';

/**
 * How often a statement is sent that loses against another one. It happens where the database's default isolation is
 * `repeatable read` or `serializable`, and to deadlocks.
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
 * A statement that is given up after a time by this side's clock, and its connection with it. A server that has gone
 * without a word (packets dropped, no RST) is never noticed otherwise: the socket waits for minutes, and `pg`'s own
 * `query_timeout` puts the dead connection back into the pool.
 *
 * The statement has no name, as PgBouncer in transaction mode hands the next one to another connection.
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
    // It may arrive after the wait was given up.
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
 * A connection that breaks in mid-statement says so twice: the statement rejects, and the client has an `error` event,
 * which would end the process without a listener. The pool listens only while the client is idle.
 */
export function ignore(): void {}

function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = startTimer(() => reject(new DatabaseSilentError(ms)), ms);
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
