import { createHash, timingSafeEqual } from 'node:crypto';
import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Inject,
  Injectable,
  Optional,
  type Type,
  UnauthorizedException,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { firstValueFrom, isObservable } from 'rxjs';
import { HTTP_ACCESS, type HttpAccess } from './access.js';

/** Carries the token as it is, where `Authorization` is taken by a guard of the application. */
const TOKEN_HEADER = 'x-workers-token';

interface Request {
  method: string;
  headers: { authorization?: string; [TOKEN_HEADER]?: string };
}

/** Lets in whoever has the token, readers where reads are open, and of them whom the application's own guards let in. */
@Injectable()
export class AccessGuard implements CanActivate {
  @Optional()
  @Inject(ModuleRef)
  private readonly modules?: ModuleRef;
  private guards?: Promise<CanActivate[]>;

  constructor(@Optional() @Inject(HTTP_ACCESS) private readonly access: HttpAccess = {}) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    this.checkToken(context.switchToHttp().getRequest<Request>());
    this.guards ??= Promise.all((this.access.guards ?? []).map((guard) => this.instanceOf(guard)));
    for (const guard of await this.guards) {
      const answer = guard.canActivate(context);
      if (!(await (isObservable(answer) ? firstValueFrom(answer) : answer))) return false;
    }
    return true;
  }

  private checkToken({ method, headers }: Request): void {
    const { token, openReads = false, guards = [] } = this.access;
    if (openReads && (method === 'GET' || method === 'HEAD')) return;
    if (!token && guards.length > 0) return;
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
  }

  /** Provided by whichever module, or made for this one. */
  private async instanceOf(guard: CanActivate | Type<CanActivate>): Promise<CanActivate> {
    if (typeof guard !== 'function') return guard;
    try {
      return this.modules!.get(guard, { strict: false });
    } catch {
      return this.modules!.create(guard);
    }
  }
}

/** Takes as long whatever differs, the length included. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
