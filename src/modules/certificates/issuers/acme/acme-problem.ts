/** What an ACME server says when it refuses (RFC 7807, RFC 8555 6.7). */
export interface ProblemDocument {
  type?: string;
  detail?: string;
  subproblems?: readonly { type?: string; detail?: string; identifier?: { value?: string } }[];
}

const PREFIX = 'urn:ietf:params:acme:error:';

/** The longest text of a CA's that is passed on. */
const LONGEST = 500;

/** An ACME server answered with an error. */
export class AcmeProblem extends Error {
  override readonly name = 'AcmeProblem';
  /** Such as `rateLimited`; undefined when the server did not say. */
  readonly kind: string | undefined;

  constructor(
    readonly status: number,
    readonly document: ProblemDocument,
    /** Milliseconds that it asks to wait. */
    readonly retryAfter: number | undefined,
  ) {
    super(describe(document) || `the CA answered with status ${status}`);
    this.kind = kindOf(document);
  }
}

/** An ACME server could not be reached, or its answer was none. */
export class AcmeUnreachableError extends Error {
  override readonly name = 'AcmeUnreachableError';
}

export function kindOf({ type }: ProblemDocument): string | undefined {
  return type?.startsWith(PREFIX) ? type.slice(PREFIX.length) : undefined;
}

/** The problem in the CA's own words, with those of its parts. */
export function describe(document: ProblemDocument): string {
  const { detail, subproblems = [] } = document;
  const kind = kindOf(document);
  const parts = subproblems.map((part) => [part.identifier?.value, part.detail].filter(Boolean).join(': '));
  const text = [detail, ...parts].filter(Boolean).join('; ').replace(/\s+/g, ' ').slice(0, LONGEST);
  return kind && text ? `${kind}: ${text}` : (kind ?? text);
}

/** Milliseconds from a Retry-After header, which is a date or a number of seconds; undefined when it is neither. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\s*(\d{1,9})\s*$/.exec(header)?.[1];
  if (seconds !== undefined) return Number(seconds) * 1_000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
