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

interface Request {
  method: string;
  headers: { authorization?: string };
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
    const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    if (given === undefined)
      throw new UnauthorizedException('Send the token: "Authorization: Bearer <token>"');
    if (!same(given, token)) throw new UnauthorizedException('The token is wrong');
    return true;
  }
}

/** Takes as long whatever differs, the length included. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
