import {
  BadRequestException,
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Optional,
  Post,
  Req,
  Res,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { HTTP_ACCESS, type HttpAccess } from '../../http/access.js';
import { AccessCheck, type AccessRequest } from '../../http/access-check.js';
import { AccessGuard } from '../../http/access.guard.js';
import { keepApart } from '../../http/global-interceptors.js';
import { Documented, securedApi } from '../../http/openapi.js';
import { ownPaths } from '../../http/own-paths.js';
import { ProblemDetailsFilter } from '../../http/problem-details.filter.js';
import { QueryGuard } from '../../http/query.guard.js';
import { type Right, sealSession, SESSION_COOKIE, SESSION_LENGTH } from '../../http/session.js';

/** A response of Express or of Fastify. */
interface HasHeaders {
  header(name: string, value: string): unknown;
}

const rightsSchema = {
  type: 'object',
  required: ['right', 'read_only'],
  properties: {
    right: { type: 'string', enum: ['read', 'write'], description: 'What whoever asks may do' },
    read_only: { type: 'boolean', description: 'Nobody can change anything, with any token' },
    until: { type: 'string', format: 'date-time', description: 'When the session ends; absent without one' },
  },
};

const loginSchema = {
  type: 'object',
  required: ['token'],
  properties: {
    token: { type: 'string' },
    path: { type: 'string', description: 'Below which the cookie is sent; default /' },
  },
};

/** The right of a request. */
interface Rights {
  right: Right;
  read_only: boolean;
  until?: string;
}

/**
 * The session of the page: the token is sent once, and a cookie that scripts cannot read proves it for twelve hours. The
 * server does not store sessions.
 */
@Controller('dashboard/session')
@UseFilters(ProblemDetailsFilter)
@keepApart
@ownPaths
@securedApi('dashboard')
export class SessionController {
  private readonly check: AccessCheck;

  constructor(@Optional() @Inject(HTTP_ACCESS) access: HttpAccess = {}) {
    this.check = new AccessCheck(access);
  }

  @Get()
  @UseGuards(AccessGuard, QueryGuard)
  @Documented({
    summary: 'What whoever asks may do',
    answer: { description: 'The rights', schema: rightsSchema },
  })
  rights(@Req() request: AccessRequest): Rights {
    const right = this.check.rightOf(request) ?? this.check.withoutToken ?? 'read';
    const until = this.check.sessionEnd(request);
    return {
      right,
      read_only: this.check.readOnly,
      ...(until !== undefined && { until: new Date(until).toISOString() }),
    };
  }

  @Post()
  @UseGuards(QueryGuard)
  @HttpCode(200)
  @Documented({
    summary: 'Begins a session, by a token',
    body: { description: 'The token', schema: loginSchema },
    answer: { description: 'The rights; the session is in a cookie', schema: rightsSchema },
  })
  begin(
    @Body() body: unknown,
    @Req() request: AccessRequest,
    @Res({ passthrough: true }) response: HasHeaders,
  ): Rights {
    this.check.refuseForeign(request);
    const { token, path } = loginOf(body);
    const right = this.check.rightOfToken(token, request);
    const until = Date.now() + SESSION_LENGTH;
    response.header(
      'Set-Cookie',
      `${SESSION_COOKIE}=${sealSession(this.check.tokenOf(right)!, until)}; ${attributes(path, request)}; Max-Age=${SESSION_LENGTH / 1_000}`,
    );
    return { right, read_only: this.check.readOnly, until: new Date(until).toISOString() };
  }

  /** Removes the cookie. */
  @Delete()
  @UseGuards(QueryGuard)
  @HttpCode(204)
  @Documented({
    summary: 'Ends the session of this browser',
    query: { path: { type: 'string' } },
    answer: { status: 204, description: 'It has ended', schema: {} },
  })
  end(
    @Req() request: AccessRequest & { query: Record<string, unknown> },
    @Res({ passthrough: true }) response: HasHeaders,
  ): void {
    this.check.refuseForeign(request);
    const { path = '/' } = request.query;
    response.header('Set-Cookie', `${SESSION_COOKIE}=; ${attributes(pathOf(path), request)}; Max-Age=0`);
  }
}

function loginOf(body: unknown): { token: string; path: string } {
  const { token, path = '/', ...others } = (body ?? {}) as Record<string, unknown>;
  if (typeof token !== 'string' || token === '' || Object.keys(others).length > 0)
    throw new BadRequestException(
      'Give { "token": "…" }, and "path" if the cookie is to be sent below it alone',
    );
  return { token, path: pathOf(path) };
}

function pathOf(path: unknown): string {
  if (typeof path === 'string' && path.length <= 1_000 && /^\/[!-:<-~]*$/.test(path)) return path;
  throw new BadRequestException('path: give the beginning of a path, such as "/admin/", without semicolons');
}

function attributes(path: string, { headers }: AccessRequest): string {
  const secure = headers['origin']?.startsWith('https:') || headers['x-forwarded-proto']?.startsWith('https');
  return `Path=${path}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}
