import { StoreRefusedError } from '../outages/store-refused.error.js';
import { messageOf } from '../text/describe-error.js';

// What PostgreSQL means by an error, by its SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html

/** Data exceptions (text that the encoding lacks, JSON that it cannot hold), constraints, limits of the program. */
const NEVER_TAKEN = /^(22|23|54)/;

/** Connection exceptions, a server that shuts down, starts or recovers. */
const CONNECTION_ENDS = /^(08|57P)/;

/** `read_only_sql_transaction`: since a failover this session is one of the old primary, which may serve it for ever. */
const READ_ONLY = '25006';

/** Cancelled by `statement_timeout` or a person, a lock that was not to be had, too many connections, no memory. */
const BUSY = /^(57014|55P03|53(?!100))/;

/** Serialization failures and deadlocks: all of the statement was undone, and it can be sent again. */
const LOST_RACE = /^40/;

interface PostgresError {
  readonly severity?: unknown;
  readonly code?: unknown;
}

/** Undefined when the error does not come from the server. */
function sqlStateOf(error: unknown): string | undefined {
  const { severity, code } = (error ?? {}) as PostgresError;
  return severity !== undefined && typeof code === 'string' ? code : undefined;
}

/**
 * Whether the next statement would fail on this connection as well, so that it must not go back to the pool. A server
 * that ends says so (class 57P) a moment before it does.
 */
export function endsConnection(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined || CONNECTION_ENDS.test(state) || state === READ_ONLY;
}

/** Whether the statement lost against another one, and is to be sent again. */
export function isLostRace(error: unknown): boolean {
  return LOST_RACE.test(sqlStateOf(error) ?? '');
}

/** Whether the server is read-only, or was when the session began. */
export function isReadOnly(error: unknown): boolean {
  return sqlStateOf(error) === READ_ONLY;
}

/** The error as the ports know it: a `StoreRefusedError` when PostgreSQL answered and will not, else itself. */
export function asPortError(error: unknown): unknown {
  const state = sqlStateOf(error);
  if (state === undefined || CONNECTION_ENDS.test(state) || BUSY.test(state) || LOST_RACE.test(state))
    return error;
  const because = NEVER_TAKEN.test(state) ? 'values' : 'state';
  const advice = state === READ_ONLY ? '. Connect to the primary' : '';
  return new StoreRefusedError(`${messageOf(error)} (SQLSTATE ${state})${advice}`, because, {
    cause: error,
  });
}

/**
 * The value as JSON for the database.
 * @throws StoreRefusedError for what has none, such as a BigInt
 */
export function toJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new StoreRefusedError(messageOf(error), 'values', { cause: error });
  }
}
