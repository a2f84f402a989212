import { StoreRefusedError } from '../outages/store-refused.error.js';
import { messageOf } from '../text/describe-error.js';

// The meaning of PostgreSQL's errors by SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html

/** Data exceptions (text that the encoding lacks, JSON that cannot be stored), constraints, program limits. */
const NEVER_TAKEN = /^(22|23|54)/;

/** Connection exceptions; a server that shuts down, starts or recovers. */
const CONNECTION_ENDS = /^(08|57P)/;

/** `read_only_sql_transaction`: after a failover this session is one of the old primary, which may stay open for ever. */
const READ_ONLY = '25006';

/** Cancelled by `statement_timeout` or a person, a lock that was not available, too many connections, no memory. */
const BUSY = /^(57014|55P03|53(?!100))/;

/** Serialization failures and deadlocks: the statement was rolled back, and can be sent again. */
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
 * Whether the connection is unusable, so that it must not go back to the pool. A server that shuts down sends class 57P
 * before it closes the connection.
 */
export function endsConnection(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined || CONNECTION_ENDS.test(state) || state === READ_ONLY;
}

/** Whether the statement failed because of a concurrent one, and should be sent again. */
export function isLostRace(error: unknown): boolean {
  return LOST_RACE.test(sqlStateOf(error) ?? '');
}

/** Whether the server is read-only, or was when the session began. */
export function isReadOnly(error: unknown): boolean {
  return sqlStateOf(error) === READ_ONLY;
}

/** The error for the ports: a `StoreRefusedError` when PostgreSQL has refused the statement, else the error itself. */
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
 * A value as JSON for the database.
 * @throws StoreRefusedError for a value without JSON, such as a BigInt
 */
export function toJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new StoreRefusedError(messageOf(error), 'values', { cause: error });
  }
}
