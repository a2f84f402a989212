import { ForbiddenException, HttpException, HttpStatus, Logger, UnauthorizedException } from '@nestjs/common';
import { visible } from '../text/visible.js';
import { checkAccess, type HttpAccess } from './access.js';
import { FailedLogins } from './failed-logins.js';
import { foreignOrigin } from './same-origin.js';
import { cookieOf, isSession, type Right, same, SESSION_COOKIE, sessionEnd } from './session.js';

/** Header for the bare token, for applications whose own guards use `Authorization`. */
const TOKEN_HEADER = 'x-workers-token';

/** A request of Express or of Fastify. */
export interface AccessRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** By the application's setting `trust proxy`. */
  readonly ip?: string;
}

/** There were too many wrong tokens from one address. */
export class TooManyFailuresError extends HttpException {
  constructor(
    /** Seconds. */
    readonly retryAfter: number,
  ) {
    super(
      `Too many wrong tokens came from this address: try again in ${retryAfter} s`,
      HttpStatus.TOO_MANY_REQUESTS,
    );
  }
}

const logger = new Logger('WorkersHttp');

/** Shared by all guards with the same `HttpAccess`. */
const failures = new WeakMap<HttpAccess, FailedLogins>();

/** Decides by token, session and origin. The application's own guards are called after it. */
export class AccessCheck {
  private readonly failed: FailedLogins;

  /** @throws Error for invalid options */
  constructor(private readonly access: HttpAccess) {
    checkAccess(access);
    this.failed = failures.get(access) ?? new FailedLogins();
    failures.set(access, this.failed);
  }

  /**
   * Returns for a request that is allowed.
   * @throws ForbiddenException, UnauthorizedException, TooManyFailuresError, whose messages say what to do
   */
  pass(request: AccessRequest): void {
    const { token, readToken, openReads = false, guards = [], readOnly = false } = this.access;
    const reads = isRead(request);
    if (!reads) {
      this.refuseForeign(request);
      if (readOnly) throw new ForbiddenException('Nothing can be changed here: it is read-only');
    }
    if (openReads && reads) return;
    if (!token && guards.length > 0 && !readToken) return;
    if (!token && !(readToken && reads))
      throw new ForbiddenException(
        readToken
          ? 'Nothing can be changed here: there is a token for reading alone'
          : 'This is switched off, as there is no token: give HttpAccessModule.forRoot() one, for /workers WorkerDashboardModule.forRoot()',
      );
    const right = this.rightOf(request);
    if (right === undefined)
      throw new UnauthorizedException(
        'Send the token: "Authorization: Bearer <token>" or "X-Workers-Token: <token>"',
      );
    if (!reads && right === 'read')
      throw new ForbiddenException('This token may only read: send one that may change something');
  }

  /**
   * The right of a request by its token or session; undefined without either.
   * @throws UnauthorizedException, TooManyFailuresError for a wrong token
   */
  rightOf(request: AccessRequest): Right | undefined {
    const { headers } = request;
    // Without a token of ours, whatever is sent is the application's.
    if (!this.access.token && !this.access.readToken) return undefined;
    const own = headers[TOKEN_HEADER];
    const given = own ?? /^Bearer (.+)$/i.exec(headers['authorization'] ?? '')?.[1];
    // The session comes first: it is signed, so it is no guess, and `Authorization` may be the application's own.
    const session = own === undefined ? this.sessionOf(headers['cookie']) : undefined;
    if (session) return session.right;
    return given === undefined ? undefined : this.rightOfToken(given, request);
  }

  /**
   * @throws UnauthorizedException, TooManyFailuresError
   */
  rightOfToken(given: string, { ip = '', headers }: AccessRequest): Right {
    const now = Date.now();
    const wait = this.failed.waitOf(ip, now);
    if (wait > 0) throw new TooManyFailuresError(wait);
    const right = this.match((token) => same(given, token));
    if (right) return right;
    if (this.failed.failed(ip, now)) logger.warn(refusal(ip, headers['x-forwarded-for']));
    throw new UnauthorizedException('The token is wrong');
  }

  /** The token with this right. */
  tokenOf(right: Right): string | undefined {
    return right === 'write' ? this.access.token : this.access.readToken;
  }

  /** The right of a request without a token. */
  get withoutToken(): Right | undefined {
    const { token, readToken, openReads, guards = [] } = this.access;
    if (!token && !readToken && guards.length > 0) return 'write';
    return openReads ? 'read' : undefined;
  }

  /** Whether nobody can change anything. */
  get readOnly(): boolean {
    const { token, readToken, guards = [], readOnly = false } = this.access;
    return readOnly || (!token && (guards.length === 0 || !!readToken));
  }

  /** When the session of a request ends, in milliseconds since the epoch; undefined without one. */
  sessionEnd({ headers }: AccessRequest): number | undefined {
    return this.sessionOf(headers['cookie'])?.until;
  }

  /** @throws ForbiddenException for a request from a page of another site */
  refuseForeign({ headers }: AccessRequest): void {
    const foreign = foreignOrigin(headers, this.access.origins ?? []);
    if (foreign !== undefined)
      throw new ForbiddenException(
        `This comes from a page of another site (${foreign.slice(0, 200)}): add its origin to the option origins if it may do this`,
      );
  }

  private sessionOf(cookies: string | undefined): { right: Right; until: number } | undefined {
    const value = cookieOf(cookies, SESSION_COOKIE);
    if (value === undefined) return undefined;
    const now = Date.now();
    const right = this.match((token) => isSession(value, token, now));
    return right && { right, until: sessionEnd(value) };
  }

  /** Compares with both tokens in any case, so that the time does not depend on which one matches. */
  private match(holds: (token: string) => boolean): Right | undefined {
    const { token, readToken } = this.access;
    const writes = token ? holds(token) : false;
    const reads = readToken ? holds(readToken) : false;
    return writes ? 'write' : reads ? 'read' : undefined;
  }
}

/** @param forwarded for whom a proxy says that it asks */
function refusal(ip: string, forwarded: string | undefined): string {
  const said = `Many wrong tokens have come from ${visible(ip).slice(0, 100)}: no token is taken from there for a minute`;
  if (forwarded === undefined || forwarded.includes(ip)) return said;
  return `${said}. That is a proxy, and stands for all of its clients: set "trust proxy" (Express) or trustProxy (Fastify)`;
}

export function isRead({ method }: Pick<AccessRequest, 'method'>): boolean {
  return method === 'GET' || method === 'HEAD';
}
