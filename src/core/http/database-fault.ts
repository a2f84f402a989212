import { errorReasons } from '../text/error-reasons.js';

/**
 * The connection or the server cannot be used now: connection exceptions, a refused login, no resources left, a standby
 * or read-only server, a shutdown or a cancelled statement, a lock that was not available, a serialization failure, an
 * I/O error. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const UNAVAILABLE = /^(?:08|28|53|57|58|40|25006$|55P03$)/;

/**
 * Text that PostgreSQL can never store: NUL and half surrogates, in `text` or `jsonb`, characters that the encoding of
 * the database lacks, JSON that is nested too deep.
 */
const UNSTORABLE = new Set(['22021', '22P05', '54001']);
const UNSTORABLE_JSON = '22P02';

const UNREACHABLE = new Set([
  'ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH',
  'ENETUNREACH',
]); // prettier-ignore

/** Messages of the driver, its pool and TypeORM, whose errors have no code. */
const WITHOUT_CODE =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client (?:has encountered a connection error|was closed) and is not queryable|Cannot use a pool after calling end|Driver not Connected|Connection is not established)/i;

/** The HTTP answer for a failed statement; undefined for other errors, whose reason is for the log only. */
export function databaseFault(error: unknown): { status: 400 | 503; detail: string } | undefined {
  for (const { code, message } of errorReasons(error)) {
    if (UNREACHABLE.has(code) || UNAVAILABLE.test(code) || WITHOUT_CODE.test(message))
      return { status: 503, detail: `The database cannot be used at the moment: ${message || code}` };
    if (UNSTORABLE.has(code) || (code === UNSTORABLE_JSON && message.includes('json')))
      return { status: 400, detail: `The database cannot store this: ${message}` };
  }
  return undefined;
}
