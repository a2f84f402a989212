import { createHash, timingSafeEqual } from 'node:crypto';
import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Inject,
  Injectable,
  Optional,
  UnauthorizedException,
} from '@nestjs/common';
import { HTTP_ACCESS, type HttpAccess } from './access.js';

/** Carries the token as it is, where `Authorization` is taken by a guard of the application. */
const TOKEN_HEADER = 'x-workers-token';

interface Request {
  method: string;
  headers: { authorization?: string; [TOKEN_HEADER]?: string };
}

/** Lets in whoever has the token, and readers where reads are open. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(@Optional() @Inject(HTTP_ACCESS) private readonly access: HttpAccess = {}) {}

  canActivate(context: ExecutionContext): boolean {
    const { method, headers } = context.switchToHttp().getRequest<Request>();
    const { token, openReads = false } = this.access;
    if (openReads && (method === 'GET' || method === 'HEAD')) return true;
    if (!token)
      throw new ForbiddenException(
        'This is switched off, as there is no token: give HttpAccessModule.forRoot() one, for /workers WorkerDashboardModule.forRoot()',
      );
    const given = headers[TOKEN_HEADER] ?? /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    if (given === undefined)
      throw new UnauthorizedException(
        'Send the token: "Authorization: Bearer <token>" or "X-Workers-Token: <token>"',
      );
    if (!same(given, token)) throw new UnauthorizedException('The token is wrong');
    return true;
  }
}

/** Takes as long whatever differs, the length included. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
