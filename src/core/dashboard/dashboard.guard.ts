import { createHash, timingSafeEqual } from 'node:crypto';
import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Inject,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';
import { DASHBOARD_OPTIONS, type WorkerDashboardOptions } from './dashboard.options.js';

interface Request {
  method: string;
  headers: { authorization?: string };
}

/** Lets in whoever has the token, and readers where reads are open. */
@Injectable()
export class DashboardGuard implements CanActivate {
  constructor(@Inject(DASHBOARD_OPTIONS) private readonly options: WorkerDashboardOptions) {}

  canActivate(context: ExecutionContext): boolean {
    const { method, headers } = context.switchToHttp().getRequest<Request>();
    const { token, openReads = false } = this.options;
    if (openReads && (method === 'GET' || method === 'HEAD')) return true;
    if (!token)
      throw new ForbiddenException('This is switched off: give WorkerDashboardModule.forRoot() a token');
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
