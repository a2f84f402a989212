/**
 * This connection or this server is of no use at the moment: connection exceptions, a login that is refused, no
 * resources left, a standby or read-only server, a shutdown or a statement that was cut off, a lock or a transaction
 * that lost its race, an I/O error. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const UNAVAILABLE = /^(?:08|28|53|57|58|40|25006$|55P03$)/;

/**
 * Text that PostgreSQL never takes: NUL and half surrogates, in `text` or `jsonb`, characters that the encoding of the
 * database lacks, JSON that nests too deep.
 */
const UNSTORABLE = new Set(['22021', '22P05', '54001']);
const UNSTORABLE_JSON = '22P02';

const UNREACHABLE = new Set([
  'ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH',
  'ENETUNREACH',
]); // prettier-ignore

/** What the driver, its pool and TypeORM say without a code. */
const WITHOUT_CODE =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client (?:has encountered a connection error|was closed) and is not queryable|Cannot use a pool after calling end|Driver not Connected|Connection is not established)/i;

/** What a statement that failed means for whoever asked over HTTP; undefined when it is none of their business. */
export function databaseFault(error: unknown): { status: 400 | 503; detail: string } | undefined {
  for (const { code, message } of links(error)) {
    if (UNREACHABLE.has(code) || UNAVAILABLE.test(code) || WITHOUT_CODE.test(message))
      return { status: 503, detail: `The database cannot be used at the moment: ${message || code}` };
    if (UNSTORABLE.has(code) || (code === UNSTORABLE_JSON && message.includes('json')))
      return { status: 400, detail: `The database cannot store this: ${message}` };
  }
  return undefined;
}

const DEEPEST = 5;

/** The error and what it was made of: TypeORM's `driverError`, `cause`, the attempts of a connection by several addresses. */
function* links(error: unknown, depth = 0): Generator<{ code: string; message: string }> {
  if (typeof error !== 'object' || error === null || depth === DEEPEST) return;
  const { code, message, driverError, cause, errors } = error as Record<string, unknown>;
  yield { code: typeof code === 'string' ? code : '', message: typeof message === 'string' ? message : '' };
  yield* links(driverError, depth + 1);
  yield* links(cause, depth + 1);
  if (Array.isArray(errors)) yield* links(errors[0], depth + 1);
}
